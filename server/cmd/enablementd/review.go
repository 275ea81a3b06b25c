package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

type reviewCmd struct {
	List   reviewListCmd   `cmd:"" help:"List the requests that wait for a decision, oldest first."`
	Show   reviewShowCmd   `cmd:"" help:"Print what was submitted with a request: personal data."`
	Enable reviewEnableCmd `cmd:"" help:"Enable the product. The client is active then."`
	Reject reviewRejectCmd `cmd:"" help:"Reject the request. The client's company sees the code and the description."`
}

type reviewListCmd struct {
	JSON  bool   `name:"json" help:"Print JSON, for programs."`
	Limit int    `default:"100" help:"Size of a page."`
	After string `placeholder:"ID" help:"Start after this request: the last id of the page before."`
}

func (c *reviewListCmd) Run(ctx context.Context, common *common, std streams) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	return common.with(ctx, std, func(db *app.Database) error {
		list, err := db.Undecided(ctx, c.After, c.Limit+1)
		if errors.Is(err, enablement.ErrRequestNotFound) {
			return &app.ConfigError{Err: fmt.Errorf("--after %q: %w", c.After, err)}
		}
		if err != nil {
			return err
		}
		more := len(list) > c.Limit
		list = list[:min(len(list), c.Limit)]
		if c.JSON {
			page := map[string]any{"requests": all(list, undecidedAsJSON)}
			if more {
				page["after"] = list[len(list)-1].RequestID
			}
			return printJSON(std.out, page)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "REQUEST\tCLIENT\tCOMPANY\tPRODUCT\tSUBMITTED")
		for _, r := range list {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.RequestID, r.ClientID, r.CompanyID, r.Product, moment(r.At))
		}
		if err := table.Flush(); err != nil || !more {
			return err
		}
		_, err = fmt.Fprintf(std.err, "There are more. For the next page, add: --after %s\n", list[len(list)-1].RequestID)
		return err
	})
}

type reviewShowCmd struct {
	JSON    bool   `name:"json" help:"Print JSON, for programs."`
	Images  string `placeholder:"DIR" help:"Write the photos into this directory, which is made if it is not there. Only you can read them."`
	Request string `arg:"" help:"Id of the request."`
}

func (c *reviewShowCmd) Run(ctx context.Context, common *common, std streams) error {
	return common.with(ctx, std, func(db *app.Database) error {
		submitted, err := db.Submitted(ctx, c.Request)
		if err != nil {
			return reviewError(c.Request, err)
		}
		if c.Images != "" {
			if err := writePhotos(ctx, db, c.Images, submitted, std.err); err != nil {
				return err
			}
		}
		if c.JSON {
			return printJSON(std.out, submittedAsJSON(submitted))
		}
		return printSubmitted(std.out, submitted)
	})
}

func printSubmitted(out io.Writer, s enablement.Submitted) error {
	_, _ = fmt.Fprintf(out, "Request %s of client %s (company %s) for %s is %s. It was submitted at %s.\n",
		s.RequestID, s.ClientID, s.CompanyID, s.Product, s.Status, moment(s.At))
	if s.Now {
		_, _ = fmt.Fprintln(out, "What was stored then is not recorded. This is what is stored now.")
	}
	_, _ = fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	c := s.Client
	for _, line := range [][2]string{
		{"First name", c.FirstName},
		{"Second name", c.SecondName},
		{"Last name", c.LastName},
		{"E-mail", c.Email},
		{"Birth date", c.BirthDate},
		{"Phone", fmt.Sprintf("+%d %d", c.PhoneCountryCode, c.PhoneNumber)},
		{"Street", c.Address.StreetLine1},
		{"", c.Address.StreetLine2},
		{"City", c.Address.City},
		{"Postal code", c.Address.PostalCode},
		{"State", c.Address.State},
		{"Country", c.Address.Country},
	} {
		if line[1] != "" {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", line[0], shown(line[1]))
		}
	}
	for _, d := range s.Documents {
		_, _ = fmt.Fprintf(table, "\nDocument\t%s\n", d.Type)
		for _, id := range slices.Sorted(maps.Keys(d.Metadata)) {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", shown(id), shown(d.Metadata[id]))
		}
		_, _ = fmt.Fprintf(table, "photo of the front\t%t\nphoto of the back\t%t\n", d.FrontImage, d.BackImage)
	}
	return table.Flush()
}

// shown is a text of somebody else's as it goes to a terminal, where what is hidden in it could rewrite the page.
func shown(text string) string {
	if enablement.Hidden(text) {
		return strconv.QuoteToASCII(text)
	}
	return text
}

// writePhotos writes each photo into a file of its own, and tells which.
func writePhotos(ctx context.Context, db *app.Database, dir string, s enablement.Submitted, told io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &app.ConfigError{Err: fmt.Errorf("--images: %w", err)}
	}
	for _, d := range s.Documents {
		for _, side := range []string{"front", "back"} {
			photo, err := db.Photo(ctx, d.ID, side)
			if err != nil {
				return err
			}
			if photo.Size == 0 {
				continue
			}
			extension := map[string]string{"image/jpeg": ".jpg", "image/png": ".png"}[photo.MediaType()]
			path := filepath.Join(dir, fmt.Sprintf("%s-%s-%s%s", s.RequestID, d.Type, side, extension))
			if err := writePrivate(path, photo.Content); err != nil {
				return &app.ConfigError{Err: fmt.Errorf("--images: %w", err)}
			}
			_, _ = fmt.Fprintf(told, "wrote %s\n", path)
		}
	}
	return nil
}

type reviewEnableCmd struct {
	Request string `arg:"" help:"Id of the request."`
}

func (c *reviewEnableCmd) Run(ctx context.Context, common *common, std streams) error {
	return decide(ctx, common, std, c.Request, enablement.Decision{Status: enablement.Enabled})
}

type reviewRejectCmd struct {
	Request         string `arg:"" help:"Id of the request."`
	Code            string `default:"REJECTED_BY_PROVIDER" help:"Code of the rejection, in capital letters, digits and underscores."`
	DescriptionFile string `placeholder:"FILE" help:"File with the reason in words, for the client's company; - reads it from the input."`
}

func (c *reviewRejectCmd) Run(ctx context.Context, common *common, std streams) error {
	var description []byte
	var err error
	switch c.DescriptionFile {
	case "":
	case "-":
		description, err = io.ReadAll(untilEnded(ctx, std.in))
	default:
		description, err = os.ReadFile(c.DescriptionFile)
	}
	if errors.Is(err, errInterrupted) {
		return fmt.Errorf("--description-file: %w", err)
	}
	if err != nil {
		return &app.ConfigError{Err: fmt.Errorf("--description-file: %w", err)}
	}
	return decide(ctx, common, std, c.Request, enablement.Decision{
		Status: enablement.Rejected, RejectionCode: c.Code, RejectionDescription: strings.TrimSpace(string(description)),
	})
}

func decide(ctx context.Context, common *common, std streams, requestID string, decision enablement.Decision) error {
	if err := decision.Check(); err != nil {
		return &app.ConfigError{Err: errors.New(flagOf.Replace(err.Error()))}
	}
	return common.with(ctx, std, func(db *app.Database) error {
		change, err := store.Review(ctx, db, requestID, decision, time.Now)
		if err != nil {
			return reviewError(requestID, err)
		}
		already := ""
		if !change.Changed {
			already = "already "
		}
		_, err = fmt.Fprintf(std.out, "request %s is %s%s\n", requestID, already, change.Request.Status)
		return err
	})
}

// flagOf are the flags that the fields of a decision come from.
var flagOf = strings.NewReplacer("rejection_code", "--code", "rejection_description", "--description-file")

// reviewError makes what the user has named wrongly a matter of the command line.
func reviewError(requestID string, err error) error {
	switch {
	case errors.Is(err, enablement.ErrRequestNotFound):
		return &app.ConfigError{Err: fmt.Errorf("no request %q", requestID)}
	case errors.Is(err, enablement.ErrNotInKYC):
		return &app.ConfigError{Err: fmt.Errorf("request %q is not in KYC: it was not submitted, or was decided otherwise; see enablementd audit %s", requestID, requestID)}
	}
	return err
}

// writePrivate writes a new file, which the user alone can read. A file that is there could be one that others read, or
// lead to one.
func writePrivate(path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
