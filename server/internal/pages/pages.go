// Package pages serves what people and tools read about the API: openapi.yaml as it is written, the
// same as JSON, and a reference to read and try the operation in, which Swagger UI renders.
//
//	/              302 to docs/
//	/openapi.yaml  the specification as it is written, with this service as its first server
//	/openapi.json  the same as JSON
//	/docs          302 to docs/
//	/docs/         the reference
//	/docs/<hash>/  its scripts, styles and icon
//
// Everything is part of the program and nothing is fetched from anywhere else. All of it is public
// and free of data: no key is asked for.
package pages

import (
	"bytes"
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"text/template" // of our own text alone: nothing is to be escaped

	"github.com/swaggest/swgui/v5/static" // Swagger UI as it is released, gzipped

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

//go:embed docs
var own embed.FS

// policy is the reference's Content-Security-Policy. Neither inline scripts nor inline styles are
// allowed: Swagger UI needs none. connect-src keeps a key that is typed in with this service.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// How long a copy may be kept. What may change under its address is asked for again, by ETag;
// an asset's address has its contents' hash in it.
const (
	revalidate = "no-cache"
	forever    = "public, max-age=31536000, immutable"
)

// Panel is what stands above the reference of a service that has something to try: HTML, and a script and a style
// of its own. The page's policy is the same.
type Panel struct {
	HTML, Script, Style []byte
	// Specification is where the service has a second one to read and try, below the path of the service.
	Specification string
}

// Handler serves the pages, and leaves every other path to next. Errors have the API's form, and a
// line in the log with their trace id. The trusted proxies say by X-Forwarded-Proto how they were called.
// The panel may be nil.
func Handler(next http.Handler, panel *Panel, logger *slog.Logger, trusted ...netip.Prefix) (http.Handler, error) {
	assets, err := assets(panel)
	if err != nil {
		return nil, err
	}
	hash := hashOf(assets)
	reference, err := index(hash, panel)
	if err != nil {
		return nil, err
	}
	asYAML, asJSON, err := descriptions(spec.YAML(), trusted)
	if err != nil {
		return nil, err
	}

	site := map[string]http.Handler{
		"/":             redirect("docs/"),
		"/openapi.yaml": public(asYAML),
		"/openapi.json": public(asJSON),
		"/docs":         redirect("docs/"),
		"/docs/":        guarded(newFile("text/html; charset=utf-8", revalidate, reference)),
	}
	for name, asset := range assets {
		site["/docs/"+hash+"/"+name] = asset
	}
	for path, page := range site {
		site[path] = wire.Errors(readOnly(page), logger)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As it was sent: there is one way to write each path, and no way out of the map.
		page, ok := site[r.URL.EscapedPath()]
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if wire.EndUnclear(r, false) {
			w.Header().Set("Connection", "close")
		}
		page.ServeHTTP(w, r)
	}), nil
}

// readOnly refuses other methods than GET and HEAD.
func readOnly(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The page takes GET and HEAD only", http.StatusMethodNotAllowed)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// redirect sends on to a path relative to the one asked for, which also holds where a proxy puts the
// service under a path of its own. For the time being: what stands at "/" may change.
func redirect(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	})
}

// public lets scripts of other sites read a document: editors and generators in a browser take a
// specification's address, and there is nothing in it that not everybody may read.
func public(document http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		document.ServeHTTP(w, r)
	})
}

// guarded confines a page that a key is typed into.
func guarded(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		page.ServeHTTP(w, r)
	})
}

// index is the reference's page, with the directory of its assets and the panel filled in.
func index(hash string, panel *Panel) ([]byte, error) {
	page, err := template.ParseFS(own, "docs/index.html")
	if err != nil {
		return nil, err
	}
	filling := struct{ Assets, Panel, Specification string }{Assets: hash}
	if panel != nil {
		filling.Panel, filling.Specification = string(panel.HTML), panel.Specification
	}
	var text bytes.Buffer
	err = page.Execute(&text, filling)
	return text.Bytes(), err
}

// assets are what the reference loads, by name.
func assets(panel *Panel) (map[string]*file, error) {
	all := map[string]*file{}
	for name, mediaType := range map[string]string{
		"init.js":  "text/javascript; charset=utf-8",
		"page.css": "text/css; charset=utf-8",
	} {
		text, err := own.ReadFile("docs/" + name)
		if err != nil {
			return nil, err
		}
		all[name] = newFile(mediaType, forever, text)
	}
	if panel != nil {
		all["panel.js"] = newFile("text/javascript; charset=utf-8", forever, panel.Script)
		all["panel.css"] = newFile("text/css; charset=utf-8", forever, panel.Style)
	}
	icon, err := static.FS.ReadFile("favicon-32x32.png")
	if err != nil {
		return nil, fmt.Errorf("swagger-ui: %w", err)
	}
	all["favicon-32x32.png"] = newFile("image/png", forever, icon)
	for name, mediaType := range map[string]string{
		"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"swagger-ui.css":       "text/css; charset=utf-8",
	} {
		gzipped, err := static.FS.ReadFile(name + ".gz")
		if err != nil {
			return nil, fmt.Errorf("swagger-ui: %w", err)
		}
		all[name] = newGzipped(mediaType, forever, gzipped)
	}
	return all, nil
}
