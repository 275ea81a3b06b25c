package contract

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Finding is one place where a request or a response differs from what openapi.yaml describes.
type Finding struct {
	// Rule is the id of the rule that was broken, one of [Rules]. It stays the same between releases.
	Rule string `json:"rule"`
	// Pointer is the place: a JSON pointer into the response's body, or into a notification's
	// ("/product/status"; empty is the whole body), or a word and what it is about: "request /email" of
	// the request's body, "status", "method", "path clientId", "query page", "header X-Trace-Id".
	Pointer string `json:"pointer"`
	// SpecLine is the line of openapi.yaml that says so.
	SpecLine int `json:"spec_line"`
	// Expected is what the specification wants, in words and without a value of the call.
	Expected string `json:"expected"`
	// Got is the value that was found; empty unless [WithValues] asked for it. Of more than 200 bytes, which can be a
	// photo, it has only how many there are.
	Got string `json:"got,omitempty"`
	// Curl is a line for a shell that repeats the request. The key is $CRYPTOMATE_API_KEY, the address
	// of a notification, which may hold a secret, is $PROVIDER_URL. It is empty where the call went over no
	// network: there is nothing to send it to. A body stands in it where a [Suite] made it up, and is short.
	Curl string `json:"curl"`
	// Case is the case of the [Suite] that found it; empty elsewhere.
	Case string `json:"case,omitempty"`
	// Step is the step of that case, such as updateClient/body/address/city/maxLength+1.
	Step string `json:"step,omitempty"`
}

// String is one paragraph with all of it.
func (f Finding) String() string {
	var b strings.Builder
	if f.Case != "" {
		fmt.Fprintf(&b, "case %q, %s: ", f.Case, f.Step)
	}
	fmt.Fprintf(&b, "%s at %s (openapi.yaml:%d): expected %s", f.Rule, place(f.Pointer), f.SpecLine, f.Expected)
	if f.Got != "" {
		fmt.Fprintf(&b, ", got %s", f.Got)
	}
	if f.Curl != "" {
		fmt.Fprintf(&b, "\n\trepeat: %s", f.Curl)
	}
	return b.String()
}

func place(pointer string) string {
	if pointer == "" {
		return "the body"
	}
	return pointer
}

// What is longer than this, in bytes, is no value to be read. Such a one can be a part of a photo.
const longestGot, longestPointer = 200, 500

// hide puts the variable's name in the key's place. A key of a letter or two is none.
func hide(text, key string) string {
	if len(key) < 4 {
		return text
	}
	for _, form := range []string{key, url.QueryEscape(key), url.PathEscape(key)} {
		// In any case, as header names change theirs.
		text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(form)).ReplaceAllLiteralString(text, "$CRYPTOMATE_API_KEY")
	}
	return text
}

// got is a value as a finding shows it: on one line, never the key, and only if it is short.
func got(value, key string) string {
	if len(value) > longestGot {
		return fmt.Sprintf("%d bytes", len(value))
	}
	return fmt.Sprintf("%q", hide(value, key))
}

// quoted is text for a shell, with the variable's name in the key's place.
func quoted(text, key string) string {
	text = "'" + strings.ReplaceAll(hide(text, key), "'", `'\''`) + "'"
	return strings.ReplaceAll(text, "$CRYPTOMATE_API_KEY", `'"$CRYPTOMATE_API_KEY"'`)
}

// inProcess is the host of a [Suite]'s calls of a handler.
const inProcess = "in.process"

// reachable tells whether another call can be sent to where this one went: its URL names a host, or it came
// over a network. A test's own request to a handler has a made-up Host.
func reachable(r *http.Request) bool {
	if r.URL.Host == "" {
		return r.Context().Value(http.ServerContextKey) != nil
	}
	return r.URL.Host != inProcess
}

// addressOf is where a request goes.
func addressOf(r *http.Request) string {
	target := *r.URL
	if target.Host == "" {
		target.Host = r.Host
	}
	if target.Scheme == "" && target.Host != "" {
		target.Scheme = "http"
		if r.TLS != nil {
			target.Scheme = "https"
		}
	}
	target.User = nil
	return target.String()
}

// curlOf writes the request as a line for a shell. A body is left out, as it may hold personal data.
func curlOf(r *http.Request, address, keyHeader string) string {
	secret := r.Header.Get(keyHeader)
	var b strings.Builder
	b.WriteString("curl -sS -i -X " + quoteMethod(r.Method) + " " + address)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains([]string{"Authorization", "Cookie", "Proxy-Authorization", "User-Agent", "Accept-Encoding", "Content-Length"}, name) {
			continue
		}
		for _, value := range r.Header[name] {
			if strings.EqualFold(name, keyHeader) {
				b.WriteString(` -H "` + keyHeader + `: $CRYPTOMATE_API_KEY"`)
				continue
			}
			b.WriteString(" -H " + quoted(name+": "+value, secret))
		}
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		b.WriteString(" --data-binary @body")
	}
	return b.String()
}

// longestInline is how much of a body stands in a line of curl.
const longestInline = 4 << 10

// ownCurl is [curlOf] for a call that the suite made up: whole, as nothing in it is anybody's but the key.
func ownCurl(r *http.Request, secret string) string {
	var b strings.Builder
	b.WriteString("curl -sS -i -g -X " + quoteMethod(r.Method) + " " + quoted(addressOf(r), secret))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name == "Expect" {
			continue // curl's to say
		}
		for _, value := range r.Header[name] {
			if value == "" {
				b.WriteString(" -H " + quoted(name+";", secret))
				continue
			}
			b.WriteString(" -H " + quoted(name+": "+value, secret))
		}
	}
	if r.ContentLength == 0 || r.GetBody == nil {
		return b.String()
	}
	if r.Header.Get("Content-Type") == "" {
		b.WriteString(" -H 'Content-Type:'") // or curl says that it is a form
	}
	body, err := r.GetBody()
	if err != nil {
		return b.String()
	}
	defer func() { _ = body.Close() }() // it is in memory
	text, err := io.ReadAll(io.LimitReader(body, longestInline+1))
	if err != nil || len(text) > longestInline || strings.HasPrefix(string(text), "@") || strings.Contains(string(text), "\x00") {
		b.WriteString(" --data-binary @body")
		return b.String()
	}
	b.WriteString(" --data-binary " + quoted(string(text), secret))
	return b.String()
}

func quoteMethod(method string) string {
	if method == "" {
		return http.MethodGet
	}
	if strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "'" + strings.ReplaceAll(method, "'", `'\''`) + "'"
	}
	return method
}
