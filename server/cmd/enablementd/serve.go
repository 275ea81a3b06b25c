package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

// serveFlags are what the service runs with.
type serveFlags struct {
	Addr      string `default:"127.0.0.1:8080" group:"Listeners" help:"Address to listen on; port 0 picks a free one."`
	AdminAddr string `group:"Listeners" placeholder:"ADDR" help:"Address of the operators' listener, or off (default 127.0.0.1:8081; with --sample a free port)."`
	Pprof     bool   `group:"Listeners" help:"Serve profiles on the operators' listener, below /debug/pprof/."`
	TLSCert   string `name:"tls-cert" group:"Listeners" placeholder:"FILE" help:"PEM file with the certificate chain. The service then serves HTTPS. It reads the file again on SIGHUP."`
	TLSKey    string `name:"tls-key" group:"Listeners" placeholder:"FILE" help:"PEM file with the key of the certificate."`

	Sample bool `group:"Sample" help:"Serve sample data with public keys and a stand-in for the provider, on loopback only."`

	DecideAfter time.Duration `group:"Sample" default:"3s" help:"How long the stand-in takes to decide on a request in KYC: it enables it, or rejects it where a document's number begins with REJECT. 0s: it never decides."`

	ProviderURL        string   `name:"provider-url" group:"Provider" placeholder:"URL" help:"URL that notifications are sent to. It must be https; http needs --provider-allow-private."`
	ProviderSecret     []string `group:"Provider" placeholder:"whsec_…" secret:"" help:"Secret that signs notifications. While you change it, give the old and the new one."`
	ProviderSecretFile string   `group:"Provider" placeholder:"FILE" help:"File with these secrets, one a line. The service reads it again on SIGHUP."`

	ProviderAllowPrivate bool            `group:"Provider" help:"Allow notifications to private, loopback, link-local and metadata addresses, and through the proxy of the environment. Without this flag they go directly and to public addresses only."`
	DeliverySchedule     []time.Duration `group:"Provider" default:"${schedule}" help:"Waits between the attempts to deliver a notification, each ± 20 %. A longer Retry-After of the provider is obeyed, up to the longest of these waits."`

	KeepJobs       time.Duration `group:"Upkeep" default:"24h" help:"How long finished jobs stay in the queue."`
	KeepDeliveries time.Duration `group:"Upkeep" default:"2160h" help:"How long the record of each delivery is kept. Audit rows are kept for good."`

	RateLimit         *int          `group:"Limits" placeholder:"N" help:"Calls a second of one address, and of one company, in this process; 0 for no limit (default 15; with --sample 0)."`
	TrustedProxies    addressRanges `group:"Limits" placeholder:"CIDR" help:"Proxies that are trusted to name the caller's address (at least /8 for IPv4, /16 for IPv6). Without this flag, all callers behind a proxy share one rate limit."`
	ProxyHeader       string        `group:"Limits" enum:"X-Forwarded-For,Forwarded" default:"X-Forwarded-For" help:"Header in which trusted proxies name the caller. Each of them must append to it or replace it: X-Forwarded-For or Forwarded."`
	MaxConnections    int           `group:"Limits" default:"2048" help:"Connections open at the same time, about 50 KB each. Further connections wait until one closes."`
	Uploads           int           `group:"Limits" default:"4" help:"Calls with photos that are served at the same time, about 50 MB each. Further ones get a 503 with Retry-After."`
	CompanyUploads    int           `group:"Limits" default:"2" help:"How many of them may be of one company."`
	ValidateResponses bool          `group:"Limits" default:"true" negatable:"" help:"Check every response against the specification before it is sent."`
	CallTimeout       time.Duration `group:"Limits" default:"10s" help:"Longest time to work on a call, once it was read."`
	ShutdownTimeout   time.Duration `group:"Limits" default:"20s" help:"Longest time from the signal to the end, even if the database does not respond."`
	DrainDelay        time.Duration `group:"Limits" default:"0s" help:"Time after the signal during which the service still serves but is not ready."`

	OTLPEndpoint string            `name:"otlp-endpoint" group:"Traces" placeholder:"URL" help:"Collector of traces, OTLP over HTTP. Without it, no traces are recorded."`
	OTLPHeader   map[string]string `name:"otlp-header" group:"Traces" placeholder:"NAME=VALUE" mapsep:"," secret:"" help:"Headers to send to the collector."`
	TraceRatio   float64           `group:"Traces" default:"1" help:"Share of the traces that is recorded, from 0 to 1."`
}

const (
	defaultAdminAddr = "127.0.0.1:8081"
	defaultRateLimit = 15 // a second (upstream, rate limiting)
)

// schedule is the default of --delivery-schedule.
func schedule() string {
	waits := make([]string, len(delivery.DefaultSchedule))
	for i, wait := range delivery.DefaultSchedule {
		waits[i] = wait.String()
	}
	return strings.Join(waits, ",")
}

// config is what the flags come to.
func (f *serveFlags) config(common *common) app.Config {
	config := app.Config{
		Addr:               f.Addr,
		AdminAddr:          f.AdminAddr,
		Profiles:           f.Pprof,
		TLSCert:            f.TLSCert,
		TLSKey:             f.TLSKey,
		Database:           common.path(),
		ProviderURL:        f.ProviderURL,
		ProviderSecrets:    f.ProviderSecret,
		ProviderSecretFile: f.ProviderSecretFile,
		Schedule:           f.DeliverySchedule,
		KeepJobs:           f.KeepJobs,
		KeepDeliveries:     f.KeepDeliveries,
		Uploads:            f.Uploads,
		CompanyUploads:     f.CompanyUploads,
		ValidateResponses:  f.ValidateResponses,
		RateLimit:          defaultRateLimit,
		TrustedProxies:     f.TrustedProxies,
		ProxyHeader:        server.ProxyHeader(f.ProxyHeader),
		MaxConnections:     f.MaxConnections,
		CallTimeout:        f.CallTimeout,
		ShutdownTimeout:    f.ShutdownTimeout,
		DrainDelay:         f.DrainDelay,
		OTLPEndpoint:       f.OTLPEndpoint,
		OTLPHeaders:        f.OTLPHeader,
		TraceRatio:         f.TraceRatio,
		Sample:             f.Sample,
		DecideAfter:        f.DecideAfter,

		ProviderAllowPrivate: f.ProviderAllowPrivate,
	}
	if f.Sample {
		config.RateLimit = 0
		if common.DB == nil {
			config.Database = ""
		}
	}
	if f.RateLimit != nil {
		config.RateLimit = *f.RateLimit
	}
	switch {
	case f.AdminAddr != "":
	case f.Sample:
		config.AdminAddr = "127.0.0.1:0"
	default:
		config.AdminAddr = defaultAdminAddr
	}
	return config
}

type serveCmd struct{ serveFlags }

func (c *serveCmd) Run(ctx context.Context, common *common, std streams) error {
	logger, err := common.logger(std)
	if err != nil {
		return err
	}
	config := c.config(common)
	if !c.Sample || c.TLSCert != "" {
		reload := make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		config.Reload = reload
	} else { // a terminal that is closed ends the sample, which removes its database
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer stop()
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory + int64(c.Uploads)*memoryOfUpload)
	}
	return app.Serve(ctx, config, logger, std.out)
}

// gcPercent spends memory on speed. The service keeps a few megabytes for long and makes garbage with each
// call: at Go's default of 100 it would spend a fifth of its time collecting. $GOGC overrules it.
const gcPercent = 400

// Photos are large, and would make five times as much garbage before it is collected: beyond this many bytes it is
// collected sooner. Nothing is refused for it. $GOMEMLIMIT overrules it.
const (
	memory         = 192 << 20
	memoryOfUpload = 20 << 20
)

type configCmd struct{ serveFlags }

// Run prints each flag with its value and the twin in the environment. A secret is only told to be
// there, and what carries one is told without it. What
// serve would refuse is told last; what is only missing is no fault of a value.
func (c *configCmd) Run(common *common, parsed *kong.Context, std streams) error {
	config := c.config(common)
	effective := map[string]string{
		"db":            app.Redacted(config.Database),
		"admin-addr":    config.AdminAddr,
		"rate-limit":    fmt.Sprint(config.RateLimit),
		"provider-url":  app.RedactedURL(config.ProviderURL),
		"otlp-endpoint": app.RedactedURL(config.OTLPEndpoint),
	}
	if c.Sample && config.Database == "" {
		effective["db"] = "a temporary one"
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "FLAG\tENVIRONMENT\tVALUE")
	for _, flag := range parsed.Flags() {
		if flag.Name == "help" || flag.Name == "version" {
			continue
		}
		value, ok := effective[flag.Name]
		switch {
		case ok:
		case flag.Tag.Has("secret") && flag.Target.Len() > 0:
			value = fmt.Sprintf("(%d, masked)", flag.Target.Len())
		case flag.Tag.Has("secret"):
		default:
			value = fmt.Sprint(flag.Target.Interface())
			if flag.IsSlice() {
				value = strings.ReplaceAll(strings.Trim(value, "[]"), " ", ",")
			}
		}
		_, _ = fmt.Fprintf(table, "--%s\t%s\t%s\n", flag.Name, strings.Join(flag.Envs, " "), value)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := config.Check(); err != nil && !errors.Is(err, app.ErrMissing) {
		return fmt.Errorf("serve would refuse this: %w", err)
	}
	return nil
}
