package sample

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"strings"

	"github.com/cryptomate-go/enablement/server/internal/pages"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

//go:embed panel
var panel embed.FS

// Panel is what the page of the reference has above it: the sample's keys, faults and cases to choose from, and
// what comes of it.
func Panel() (*pages.Panel, error) {
	form, err := template.ParseFS(panel, "panel/panel.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := form.Execute(&html, map[string]any{
		"Keys": Keys, "Cases": Cases, "Faults": faults.Kinds, "Header": faults.Header,
		"Reset": strings.TrimPrefix(ResetPath, "/"), // below whatever path a proxy puts the service
	}); err != nil {
		return nil, err
	}
	script, err := fs.ReadFile(panel, "panel/panel.js")
	if err != nil {
		return nil, err
	}
	style, err := fs.ReadFile(panel, "panel/panel.css")
	return &pages.Panel{HTML: html.Bytes(), Script: script, Style: style, Specification: Specification}, err
}
