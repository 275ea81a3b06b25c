// Package app puts the service together: it checks the configuration, opens what is needed, wires
// it and runs it until it is told to stop. It is the only place where the parts know each other.
package app

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

// ConfigError is a mistake in the configuration: something for the user to change, as opposed to
// something that failed.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

func configErrorf(format string, args ...any) error {
	return &ConfigError{fmt.Errorf(format, args...)}
}

// Config is what the service runs with. The zero value of a field is not a default: package main
// gives every field one.
type Config struct {
	// Addr is the address to listen on; port 0 picks a free one.
	Addr string
	// Database is the path of the SQLite file.
	Database string
	// ProviderURL is where notifications go, ProviderSecrets what they are signed with.
	ProviderURL     string
	ProviderSecrets []string
	// Schedule holds the waits between attempts to deliver.
	Schedule delivery.Schedule
	// ValidateReplies holds every reply against the specification before it leaves.
	ValidateReplies bool
	// CallTimeout bounds one call, ShutdownTimeout the way from the signal to the end.
	CallTimeout     time.Duration
	ShutdownTimeout time.Duration
	// Sample serves the sample data, with a provider stand-in, on loopback only.
	Sample bool
}

func (c Config) check() error {
	if c.CallTimeout <= 0 {
		return configErrorf("--call-timeout: must be above zero")
	}
	if c.ShutdownTimeout <= 0 {
		return configErrorf("--shutdown-timeout: must be above zero")
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return configErrorf("--addr %q: must be of the form host:port", c.Addr)
	}
	if c.Sample {
		if !loopback(host) {
			return configErrorf("--addr %q: the sample has well-known keys and is served on loopback only, such as 127.0.0.1:8080", c.Addr)
		}
		if c.ProviderURL != "" || len(c.ProviderSecrets) > 0 {
			return configErrorf("--sample brings its own provider: leave --provider-url and --provider-secret out")
		}
		return nil
	}
	if c.ProviderURL == "" {
		return configErrorf("--provider-url is missing: where are notifications sent to? (or try --sample)")
	}
	if len(c.ProviderSecrets) == 0 {
		return configErrorf("--provider-secret is missing: notifications are signed with it; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	if _, err := delivery.NewSender(c.ProviderURL, c.ProviderSecrets, time.Now); err != nil {
		return &ConfigError{err}
	}
	return nil
}

// loopback tells whether the host can only be reached from this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// errNoDatabase says what to do about a path with nothing in it.
var errNoDatabase = errors.New("no database there; make one with: enablementd migrate --db PATH")
