// Package app runs the service: it checks the configuration, opens the database, connects the parts, and runs them
// until it is told to stop. It is the only package that knows all parts.
package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
	"github.com/cryptomate-go/enablement/server/internal/wire"
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
	// AdminAddr is that of the operators' listener; NoAdmin has none.
	AdminAddr string
	// Profiles turns net/http/pprof on, on the operators' listener.
	Profiles bool
	// TLSCert and TLSKey are PEM files; both empty serve plain HTTP.
	TLSCert, TLSKey string

	// Database is the path of an SQLite file, or the URL of a PostgreSQL database.
	Database string

	// ProviderURL is where notifications go. They are signed with ProviderSecrets and those in
	// ProviderSecretFile, one a line.
	ProviderURL        string
	ProviderSecrets    []string
	ProviderSecretFile string
	// ProviderAllowPrivate lets notifications go to addresses that are not public, and by way of a proxy.
	ProviderAllowPrivate bool
	// Schedule holds the waits between attempts to deliver.
	Schedule delivery.Schedule

	// KeepJobs is how long finished jobs of the queue are kept, KeepDeliveries how long the ledger's
	// rows are. Audit rows are kept for good.
	KeepJobs, KeepDeliveries time.Duration

	// ValidateResponses holds every response against the specification before it leaves.
	ValidateResponses bool
	// RateLimit is how many calls a second one address, and one company, may make of this process;
	// 0: no limit.
	RateLimit int
	// TrustedProxies may say for whom they call, in the header ProxyHeader.
	TrustedProxies []netip.Prefix
	ProxyHeader    server.ProxyHeader
	// MaxConnections is how many the public listener has open at the same time; more wait.
	MaxConnections int

	// Uploads is how many calls with photos are served at the same time, CompanyUploads how many of them of one company.
	Uploads, CompanyUploads int

	// CallTimeout bounds one call, ShutdownTimeout the way from the signal to the end. In between,
	// the service is not ready but serves for DrainDelay, so that a load balancer can turn away.
	CallTimeout     time.Duration
	ShutdownTimeout time.Duration
	DrainDelay      time.Duration

	// OTLPEndpoint is the base URL of a collector of traces; empty: none are recorded.
	OTLPEndpoint string
	// OTLPHeaders go with what is sent there.
	OTLPHeaders map[string]string
	// TraceRatio is the part of the traces that is recorded, from 0 to 1.
	TraceRatio float64

	// Reload says when to read certificates and secrets again from their files; nil: never.
	Reload <-chan os.Signal

	// Sample serves the sample data, with a provider stand-in, on loopback only.
	Sample bool
	// DecideAfter is how long the stand-in takes to decide on a request in KYC; 0: it never does.
	DecideAfter time.Duration

	// What Check has read of files. One of them may be a pipe, which nobody reads twice.
	certificate *certificate // nil: plain HTTP
	signing     []string     // of ProviderSecrets and the file
}

// NoAdmin is the AdminAddr of a service without an operators' listener.
const NoAdmin = "off"

// ErrMissing is of what a service can't run without and was not given.
var ErrMissing = errors.New("is missing")

// Check returns a [ConfigError] unless a service can be started with the values, and reads the files that they name.
// Nothing is connected to.
func (c *Config) Check() error {
	for name, value := range map[string]time.Duration{
		"--call-timeout": c.CallTimeout, "--shutdown-timeout": c.ShutdownTimeout,
		"--keep-jobs": c.KeepJobs, "--keep-deliveries": c.KeepDeliveries,
	} {
		if value <= 0 {
			return configErrorf("%s: must be above zero", name)
		}
	}
	if c.DrainDelay < 0 || c.DrainDelay >= c.ShutdownTimeout {
		return configErrorf("--drain-delay: must be shorter than --shutdown-timeout, and not negative")
	}
	if err := c.Schedule.Check(); err != nil {
		return configErrorf("--delivery-schedule: %w", err)
	}
	if !(c.TraceRatio >= 0 && c.TraceRatio <= 1) { // NaN is neither
		return configErrorf("--trace-ratio: must be a number from 0 to 1")
	}
	if err := telemetry.CheckEndpoint(c.OTLPEndpoint); c.OTLPEndpoint != "" && err != nil {
		return configErrorf("--otlp-endpoint: %w", err)
	}
	if err := telemetry.CheckHeaders(c.OTLPHeaders); err != nil {
		return configErrorf("--otlp-header: %w", err)
	}
	if c.Database != "" || !c.Sample {
		if err := checkLocation(c.Database); err != nil {
			return err
		}
	}
	if c.RateLimit < 0 {
		return configErrorf("--rate-limit: must be calls per second, or 0 for no limit")
	}
	if c.MaxConnections < 1 {
		return configErrorf("--max-connections: must be above zero")
	}
	if c.CompanyUploads < 1 || c.Uploads < c.CompanyUploads {
		return configErrorf("--company-uploads: must be at least 1, and at most --uploads")
	}
	if err := wire.CheckProxies(c.TrustedProxies); err != nil {
		return configErrorf("--trusted-proxies: %w", err)
	}
	if !isAddress(c.Addr) {
		return configErrorf("--addr %q: must be of the form host:port", c.Addr)
	}
	if !isAddress(c.AdminAddr) && c.AdminAddr != NoAdmin {
		return configErrorf("--admin-addr %q: must be of the form host:port, or %s", c.AdminAddr, NoAdmin)
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if c.Sample {
		return c.checkSample()
	}
	return c.checkProvider()
}

func (c *Config) checkTLS() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return configErrorf("--tls-cert and --tls-key: give both or none")
	}
	if c.TLSCert == "" {
		return nil
	}
	c.certificate = &certificate{cert: c.TLSCert, key: c.TLSKey}
	return c.certificate.load()
}

func (c *Config) checkSample() error {
	if c.DecideAfter < 0 {
		return configErrorf("--decide-after: must not be negative; 0 is never")
	}
	if !onLoopback(c.Addr) {
		return configErrorf("--addr %q: the sample has well-known keys and is served on loopback only, such as 127.0.0.1:8080", c.Addr)
	}
	if c.AdminAddr != NoAdmin && !onLoopback(c.AdminAddr) {
		return configErrorf("--admin-addr %q: the sample is operated on loopback only, such as 127.0.0.1:8081", c.AdminAddr)
	}
	if c.ProviderURL != "" || len(c.ProviderSecrets) > 0 || c.ProviderSecretFile != "" {
		return configErrorf("--sample brings its own provider: leave --provider-url and the provider secrets out")
	}
	return nil
}

func (c *Config) checkProvider() error {
	secrets, err := c.secrets()
	if err != nil {
		return err
	}
	c.signing = secrets
	if c.ProviderURL != "" {
		if err := delivery.CheckAddress(c.ProviderURL, c.ProviderAllowPrivate); err != nil {
			return configErrorf("--provider-url: %w", err)
		}
	}
	if len(secrets) > 0 {
		if err := delivery.CheckSecrets(secrets); err != nil {
			return &ConfigError{err}
		}
	}
	switch {
	case c.ProviderURL == "":
		return configErrorf("--provider-url %w: where are notifications sent to? (or try --sample)", ErrMissing)
	case len(secrets) == 0:
		return configErrorf("--provider-secret %w: notifications are signed with it; make one with: enablementd secret", ErrMissing)
	}
	return nil
}

// isAddress tells whether a text is of the form host:port, with a port that there is.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return !errors.Is(err, strconv.ErrRange) // a port may have a name
}

// onLoopback tells whether an address of the form host:port can only be reached from this machine.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && wire.IsLoopback(host)
}

// errNoDatabase says what to do about a path with nothing in it.
var errNoDatabase = errors.New("no database there; make one with: enablementd migrate --db PATH")

// errEmptyDatabase is the same for a database of a server's.
var errEmptyDatabase = errors.New("the database is empty; create its tables with: enablementd migrate")
