package app

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// maxSecretFile is far above what secrets take; who names a wrong file is told so.
const maxSecretFile = 64 << 10

// secrets are those given and those in the file, which has one a line.
func (c *Config) secrets() ([]string, error) {
	if c.ProviderSecretFile == "" {
		return c.ProviderSecrets, nil
	}
	content, err := readSecretFile(c.ProviderSecretFile)
	if err != nil {
		return nil, configErrorf("--provider-secret-file: %w", err)
	}
	secrets := strings.Fields(strings.TrimPrefix(content, "\uFEFF"))
	if len(secrets) == 0 {
		return nil, configErrorf("--provider-secret-file %s: there is no secret in it", c.ProviderSecretFile)
	}
	return slices.Concat(c.ProviderSecrets, secrets), nil
}

func readSecretFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err == nil && len(content) > maxSecretFile {
		err = fmt.Errorf("%s: too long for a file with secrets", name)
	}
	return string(content), err
}

// warnOfReaders says which files that should be private others may read.
func (s *service) warnOfReaders() {
	files := map[string]string{
		"--provider-secret-file": s.config.ProviderSecretFile,
		"--tls-key":              s.config.TLSKey,
	}
	if !isPostgres(s.config.Database) {
		files["--db"] = s.config.Database
	}
	for flag, name := range files {
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			s.logger.Warn("other users of this machine may have access to a private file: take it away with chmod go=",
				"flag", flag, "file", name, "mode", fmt.Sprintf("%#o", info.Mode().Perm()))
		}
	}
}

// masked stands in the place of what is not told.
const masked = "xxxxx"

// Redacted is a database's location for people: without what is or may be a secret.
func Redacted(location string) string {
	if !strings.Contains(location, "://") {
		if at := telling.FindStringSubmatchIndex(location); at != nil { // nobody knows where its value ends
			return Masked(location[:at[3]]) + "=" + masked
		}
		return Masked(location)
	}
	scheme, _, _ := strings.Cut(location, "://")
	u, err := url.Parse(location)
	// A password that is not encoded spills over into what stands beside it.
	if err != nil || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return scheme + "://" + masked
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), masked)
	}
	return withoutQuery(u, func(name string) bool { return harmless.MatchString(name) })
}

// harmless are the parameters of a PostgreSQL URL whose values are told.
var harmless = regexp.MustCompile(`^(host|hostaddr|port|dbname|user|application_name|connect_timeout|ssl(mode|rootcert|cert|key|negotiation)|` +
	`passfile|service|servicefile|target_session_attrs|channel_binding|search_path|pool_[a-z_]+|[a-z_]+_timeout|default_query_exec_mode|` +
	`(statement|description)_cache_capacity|timezone)$`)

// RedactedURL is the address of another service for people: its host, and the words of its path. Such addresses
// carry tokens in any other place.
func RedactedURL(address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return masked
	}
	if u.User != nil {
		u.User = url.User(masked)
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		if segment != "" && !word.MatchString(segment) {
			segments[i] = masked
		}
	}
	u.Path, u.RawPath = strings.Join(segments, "/"), ""
	return withoutQuery(u, func(string) bool { return false })
}

// word is a segment of a path that nobody would use as a secret.
var word = regexp.MustCompile(`^([A-Za-z]?[a-z]{1,15}([._-][a-z]{1,15}){0,3}|v\d{1,2})$`)

// withoutQuery writes a URL with the values of those parameters only that may be told.
func withoutQuery(u *url.URL, told func(name string) bool) string {
	if u.Fragment != "" {
		u.Fragment, u.RawFragment = masked, ""
	}
	parts := strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' })
	for i, part := range parts {
		name, _, ok := strings.Cut(part, "=")
		switch {
		case !ok:
			parts[i] = masked
		case !told(name):
			parts[i] = name + "=" + masked
		}
	}
	u.RawQuery = strings.Join(parts, "&")
	return u.String()
}

// Masked is a text for people, such as an error's, without what looks like a secret in it: a signing secret, all
// before the @ of an address, the value of a parameter with a telling name and all behind it.
func Masked(text string) string {
	text = signingSecret.ReplaceAllString(text, "whsec_"+masked)
	text = beforeAt.ReplaceAllString(text, "${1}"+masked+"@")
	return telling.ReplaceAllString(text, "${1}="+masked)
}

var (
	signingSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]{8,}`)
	beforeAt      = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:/+)?[^\s"'=(]*[^\s"'=(.]@`)
	telling       = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw|pwd|secret|token|api-?_?key|auth|signature|credential)[a-z0-9_.-]*)\s*=\s*('[^']*'|"[^"]*"|[^\s&;,"']+)`)
)
