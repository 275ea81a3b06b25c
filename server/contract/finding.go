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

// Finding is a place where a request or a response differs from openapi.yaml.
type Finding struct {
	// Rule is the id of the rule that was broken, one of [Rules]. It stays the same between releases.
	Rule string `json:"rule"`
	// Pointer is the place: a JSON pointer into the body of the response or the notification
	// ("/product/status"; empty is the whole body), or the kind of place and a name: "request /email" is in
	// the request's body, "status", "method", "path clientId", "query page", "header X-Trace-Id".
	Pointer string `json:"pointer"`
	// SpecLine is the line of openapi.yaml that the rule comes from.
	SpecLine int `json:"spec_line"`
	// Expected says in words what is right, without a value of the call.
	Expected string `json:"expected"`
	// Got is the value that was found; empty without [WithValues]. A value of more than 200 bytes, which can be a
	// photo, is replaced by its size.
	Got string `json:"got,omitempty"`
	// Curl is a curl command that repeats the request. It has $CRYPTOMATE_API_KEY in place of the key, and
	// $PROVIDER_URL in place of a notification's address, which may hold a secret. It has the body only if a
	// [Suite] made the body and it is short. Curl is empty if the call used no network.
	Curl string `json:"curl"`
	// Case is the case of the [Suite] that found it; empty outside of a suite.
	Case string `json:"case,omitempty"`
	// Step is the step of that case, such as updateClient/body/address/city/maxLength+1.
	Step string `json:"step,omitempty"`
}

// String returns all of it in one paragraph.
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
	b.WriteString(command(r, address))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains([]string{"Authorization", "Cookie", "Proxy-Authorization", "User-Agent", "Accept-Encoding", "Content-Length"}, name) {
			continue
		}
		for _, value := range r.Header[name] {
			if strings.EqualFold(name, keyHeader) && value != "" {
				b.WriteString(` -H "` + keyHeader + `: $CRYPTOMATE_API_KEY"`)
				continue
			}
			b.WriteString(headerOf(name, value, secret))
		}
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		b.WriteString(untyped(r) + " --data-binary @body")
	}
	return b.String()
}

// command is how a line of curl begins. In the address all means itself, and of a HEAD no body is waited for.
func command(r *http.Request, address string) string {
	line := "curl -sS -i"
	if strings.ContainsAny(address, "[]{}") {
		line += " -g"
	}
	if strings.Contains(address, "/.") {
		line += " --path-as-is"
	}
	if r.Method == http.MethodHead {
		line += " --head"
	} else {
		line += " -X " + quoteMethod(r.Method)
	}
	line += " " + address
	if r.URL.Host != "" && r.Host != "" && r.Host != r.URL.Host {
		line += " -H " + quoted("Host: "+r.Host, "")
	}
	return line
}

// headerOf writes a header. With a colon and nothing behind it, curl would leave it out.
func headerOf(name, value, secret string) string {
	if value == "" {
		return " -H " + quoted(name+";", secret)
	}
	return " -H " + quoted(name+": "+value, secret)
}

// untyped keeps curl from saying that a body is a form.
func untyped(r *http.Request) string {
	if r.Header.Get("Content-Type") == "" {
		return " -H 'Content-Type:'"
	}
	return ""
}

// longestInline is how much of a body stands in a line of curl.
const longestInline = 4 << 10

// ownCurl is [curlOf] for a call that the suite made up: whole, as nothing in it is anybody's but the key.
func ownCurl(r *http.Request, secret string) string {
	var b strings.Builder
	b.WriteString(command(r, quoted(addressOf(r), secret)))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name == "Expect" {
			continue // curl's to say
		}
		for _, value := range r.Header[name] {
			b.WriteString(headerOf(name, value, secret))
		}
	}
	if r.ContentLength == 0 || r.GetBody == nil {
		return b.String()
	}
	b.WriteString(untyped(r))
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
