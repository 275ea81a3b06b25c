package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

type keysCmd struct {
	Create keysCreateCmd `cmd:"" help:"Create a key and print it, once."`
	List   keysListCmd   `cmd:"" help:"List keys."`
	Rotate keysRotateCmd `cmd:"" help:"Create a key that replaces another one. The old key stays valid for a while."`
	Revoke keysRevokeCmd `cmd:"" help:"Revoke a key. It stops working within a second."`
}

type keysCreateCmd struct {
	Company string        `required:"" placeholder:"ID" help:"Company the key belongs to."`
	Level   level         `default:"3" help:"Access level, 1 to 3. Submitting needs 3."`
	Allow   addressRanges `placeholder:"CIDR" help:"Address ranges that the key may be used from, separated by commas (default: any)."`
	Expires *lifetime     `placeholder:"DURATION" help:"Lifetime, such as 12h or 30d (default: no end)."`
}

func (c *keysCreateCmd) Run(ctx context.Context, common *common, std streams) error {
	if c.Allow != nil && len(c.Allow) == 0 {
		return &app.ConfigError{Err: errors.New("--allow: is empty; leave it out for a key that may be used from anywhere")}
	}
	if err := checkExpires(c.Expires); err != nil {
		return err
	}
	return common.with(ctx, std, func(db *app.Database) error {
		secret := access.NewSecret()
		key := access.New(c.Company, int(c.Level), secret, time.Now())
		key.Allow = c.Allow
		key.ExpiresAt = expiry(key.CreatedAt, c.Expires)
		if err := db.CreateKey(ctx, key, access.HashOf(secret)); err != nil {
			if errors.Is(err, store.ErrCompanyNotFound) {
				return &app.ConfigError{Err: fmt.Errorf("--company %q: no such company; import it first", c.Company)}
			}
			return err
		}
		return show(std, key, secret)
	})
}

// checkExpires takes no lifetime of none for one without end.
func checkExpires(l *lifetime) error {
	if l != nil && *l == 0 {
		return &app.ConfigError{Err: errors.New("--expires: must be above zero; leave it out for a key that does not expire")}
	}
	return nil
}

// expiry is zero where there is no lifetime.
func expiry(from time.Time, l *lifetime) time.Time {
	if l == nil {
		return time.Time{}
	}
	return from.Add(time.Duration(*l))
}

// show prints a new key; the secret alone goes to the output, so that it can be piped.
func show(std streams, key access.Key, secret string) error {
	_, _ = fmt.Fprintf(std.err, "Key %s of company %s, access level %d. It is shown only once:\n", key.ID, key.CompanyID, key.AccessLevel)
	_, err := fmt.Fprintln(std.out, secret)
	return err
}

type keysListCmd struct {
	JSON    bool   `name:"json" help:"Print JSON, for programs."`
	Company string `placeholder:"ID" help:"List only this company's keys."`
}

func (c *keysListCmd) Run(ctx context.Context, common *common, std streams) error {
	return common.with(ctx, std, func(db *app.Database) error {
		keys, err := db.Keys(ctx, c.Company)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(std.out, map[string]any{"keys": all(keys, keyAsJSON)})
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tCOMPANY\tPREFIX\tLEVEL\tALLOW\tCREATED\tEXPIRES\tREVOKED\tLAST USED")
		for _, key := range keys {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.CompanyID, key.Prefix,
				key.AccessLevel, prefixes(key.Allow), moment(key.CreatedAt), moment(key.ExpiresAt), moment(key.RevokedAt), moment(key.LastUsedAt))
		}
		return table.Flush()
	})
}

type keysRotateCmd struct {
	ID      string    `arg:"" help:"Id of the key, as listed."`
	Overlap lifetime  `default:"24h" help:"How long the old key stays valid, such as 12h or 7d."`
	Expires *lifetime `placeholder:"DURATION" help:"Lifetime of the new key (default: no end)."`
}

func (c *keysRotateCmd) Run(ctx context.Context, common *common, std streams) error {
	if err := checkExpires(c.Expires); err != nil {
		return err
	}
	return common.with(ctx, std, func(db *app.Database) error {
		keys, err := db.Keys(ctx, "")
		if err != nil {
			return err
		}
		at := slices.IndexFunc(keys, func(key access.Key) bool { return key.ID == c.ID })
		if at < 0 {
			return noSuchKey(c.ID)
		}
		old, now := keys[at], time.Now()
		if !old.Usable(now) {
			return &app.ConfigError{Err: fmt.Errorf("key %s is revoked or expired; create a new one", c.ID)}
		}
		secret := access.NewSecret()
		key := access.New(old.CompanyID, old.AccessLevel, secret, now)
		key.Allow = old.Allow
		key.ExpiresAt = expiry(now, c.Expires)
		until := now.Add(time.Duration(c.Overlap))
		if !old.ExpiresAt.IsZero() && old.ExpiresAt.Before(until) {
			until = old.ExpiresAt // to rotate a key makes its life no longer
		}
		if err := db.RotateKey(ctx, old.ID, until, key, access.HashOf(secret)); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(std.err, "Key %s stays good until %s.\n", old.ID, moment(until))
		return show(std, key, secret)
	})
}

func noSuchKey(id string) error {
	return &app.ConfigError{Err: fmt.Errorf("no key %q; see enablementd keys list", id)}
}

type keysRevokeCmd struct {
	ID string `arg:"" help:"Id of the key, as listed."`
}

func (c *keysRevokeCmd) Run(ctx context.Context, common *common, std streams) error {
	return common.with(ctx, std, func(db *app.Database) error {
		err := db.RevokeKey(ctx, c.ID, time.Now())
		if errors.Is(err, access.ErrKeyNotFound) {
			return noSuchKey(c.ID)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "revoked %s\n", c.ID)
		return err
	})
}

func prefixes(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, prefix := range list {
		texts[i] = prefix.String()
	}
	return orDash(strings.Join(texts, ","))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
