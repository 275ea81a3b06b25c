package contract_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// drifted is a server that forgot a field and remembers another.
var drifted = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Trace-Id", trace)
	_, _ = io.WriteString(w, strings.Replace(good, `"rejected_items"`, `"rejections"`, 1))
})

// Any client is held to the specification through its transport.
func ExampleContract_Transport() {
	c, err := contract.New()
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(drifted)
	defer server.Close()
	client := http.Client{Transport: c.Transport(nil)}
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+path+"?page=2", nil)
	r.Header.Set("x-api-key", "secret")
	if response, err := client.Do(r); err == nil {
		_ = response.Body.Close()
	}
	for _, f := range c.Findings() {
		fmt.Println(f.Rule, f.Pointer)
	}
	// Output:
	// request.query query page
	// schema.required /rejected_items
	// schema.undeclared_field /rejections
	// response.accepted status
}

// Any server is held to the specification by a handler around it.
func ExampleContract_Handler() {
	c, err := contract.New(contract.OnFinding(func(f contract.Finding) { fmt.Println(f.Rule, f.Pointer) }))
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.Header.Set("x-api-key", "secret")
	c.Handler(drifted).ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// schema.required /rejected_items
	// schema.undeclared_field /rejections
}

// A provider's own handler, and what it is sent, are held to the specification as well.
func ExampleContract_NotificationHandler() {
	c, err := contract.New(contract.OnFinding(func(f contract.Finding) { fmt.Println(f.Rule, f.Pointer) }))
	if err != nil {
		log.Fatal(err)
	}
	trusting := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r := notification(strings.Replace(entered, `"status":"in_kyc"`, `"status":"enabled"`, 1))
	r.Header.Del("webhook-signature")
	c.NotificationHandler(trusting).ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// request.parameter header webhook-signature
	// notification.status /data/status
	// notification.taken status
}

// A finding has everything to repeat the call, but neither key nor values.
func ExampleContract_Check() {
	c, err := contract.New()
	if err != nil {
		log.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://api.cryptomate.me"+path, nil)
	r.Header.Set("x-api-key", "secret")
	response := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}},
		Body: io.NopCloser(strings.NewReader(strings.Replace(good, "2026-04-16", "2026-02-30", 1))),
	}
	for _, f := range c.Check(r, response) {
		fmt.Println(f.Rule, f.Pointer, "expected", f.Expected)
		fmt.Println(f.Curl)
	}
	// Output:
	// time.impossible /product/updated_at expected a moment that exists
	// curl -sS -i -X POST 'https://api.cryptomate.me/management/clients/individuals/cl_1/products/rq_1/submit' -H "x-api-key: $CRYPTOMATE_API_KEY"
}

// In a test, use [contract.Suite] with a *testing.T instead.
func ExampleInspect() {
	handler, fixtures := minimal.New() // your own
	fixtures.Decide = nil
	coverage, err := contract.Inspect(context.Background(), contract.InProcess(handler), fixtures)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(coverage.Findings), "findings")
	for _, n := range coverage.NotRun {
		if strings.HasPrefix(n.Reason, "no fixture") {
			fmt.Println(n.Case+":", n.Reason)
		}
	}
	// Output:
	// 0 findings
	// enabled: no fixture Decide
	// rejected: no fixture Decide
}

func ExampleLog() {
	c, err := contract.New()
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, nil)
	findings := c.CheckRequest(r)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "curl" || a.Key == "spec_line" {
			return slog.Attr{}
		}
		return a
	}}))
	contract.Log(context.Background(), logger, findings)
	// Output: level=ERROR msg=contract rule=request.key pointer="header x-api-key" expected="one API key"
}
