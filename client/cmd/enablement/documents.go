package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

type documentsCmd struct {
	Add addDocumentCmd `cmd:"" help:"Store a document of a client for a pending request."`
}

type addDocumentCmd struct {
	Client   string            `arg:"" help:"Id of the client."`
	Request  string            `arg:"" help:"Id of the product enablement request."`
	Type     string            `required:"" placeholder:"KIND" help:"Kind of the document, such as passport: one that is accepted for what is missing."`
	Front    string            `required:"" placeholder:"FILE" help:"Photo of the front, JPG or PNG, up to 10 MiB."`
	Back     string            `placeholder:"FILE" help:"Photo of the back, for kinds that ask for it."`
	Meta     map[string]string `mapsep:"none" placeholder:"ID=VALUE" help:"A value that the kind asks for, such as number. It can be given several times. Other users of this machine can see it."`
	MetaFile string            `placeholder:"FILE" help:"File with these values as a JSON object, - for standard input."`
	Replace  bool              `help:"Replace a good document of the same kind."`
	caller
	keyed
}

// Help is the end of --help.
func (c *addDocumentCmd) Help() string {
	return "It ends with 0 if the document is stored, and with 3 if it was rejected; then the reasons are shown.\n\n" + exitCodes
}

func (c *addDocumentCmd) Run(ctx context.Context) error {
	var inFile map[string]string
	if c.MetaFile == "-" && c.KeyFile == "-" {
		return usage("standard input cannot hold both the API key and the values; give a file for one of them")
	}
	if c.MetaFile != "" {
		text, err := readFile(ctx, c.env, "--meta-file", c.MetaFile, maxInput)
		if err != nil {
			return err
		}
		if err := api.DecodeJSON(text, &inFile); err != nil {
			return usage("--meta-file: %w", err)
		}
	}
	metadata := make(map[string]string)
	maps.Copy(metadata, inFile)
	maps.Copy(metadata, c.Meta)
	d := client.Document{Type: c.Type, Front: client.PhotoFile(c.Front), Metadata: metadata, Replace: c.Replace}
	files := []string{c.Front}
	if c.Back != "" {
		d.Back, files = client.PhotoFile(c.Back), append(files, c.Back)
	}
	evaluated, err := c.api.CompleteDocumentation(ctx, c.Client, c.Request, d, c.uploading(files, c.underKey()...)...)
	if err != nil {
		evaluated = new(api.EvaluatedProduct)
	}
	e := effect{"the document was stored", "", "document"}
	if c.Replace {
		e.again = "Store it"
	}
	err = c.finish(err, e, func(t *table) { t.evaluated(evaluated) },
		fmt.Sprintf("%d items were rejected", len(evaluated.RejectedItems)))
	if err == nil && len(evaluated.RejectedItems) > 0 {
		return &exit{code: exitMissing}
	}
	return err
}

// uploading are the options of a call with photos: it has so much longer as they take on a slow line, and tells how far it
// is where somebody looks.
func (c *caller) uploading(files []string, own ...client.CallOption) []client.CallOption {
	const slowest = 32 << 10 // bytes a second, as the SDK counts
	longer := time.Duration(0)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			longer += time.Duration(info.Size()*4/3/slowest) * time.Second
		}
	}
	options := append(c.options(own...), client.WithTimeout(c.Timeout+longer))
	if isTerminal(c.env.err) {
		options = append(options, client.WithProgress(progress(c.env.err)))
	}
	return options
}

// progress tells on one line how far it is. What is told next, of an attempt that failed as well, takes its place.
func progress(w io.Writer) func(sent, total int64) {
	return func(sent, total int64) {
		end := "\r"
		if sent == total {
			end = "\n"
		}
		_, _ = fmt.Fprintf(w, "sent %3d %% of %.1f MB%s", sent*100/total, float64(total)/1e6, end)
	}
}

func isTerminal(w io.Writer) bool {
	m, _ := w.(masked)
	file, ok := m.to.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
