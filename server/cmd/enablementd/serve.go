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
	AdminAddr string `group:"Listeners" placeholder:"ADDR" help:"Address of the operators' listener, off for none (default 127.0.0.1:8081; with --sample a free port)."`
	Pprof     bool   `group:"Listeners" help:"Serve profiles on the operators' listener, below /debug/pprof/."`
	TLSCert   string `name:"tls-cert" group:"Listeners" placeholder:"FILE" help:"PEM file with the certificate chain; serves HTTPS. SIGHUP has it read again."`
	TLSKey    string `name:"tls-key" group:"Listeners" placeholder:"FILE" help:"PEM file with its key."`

	Sample bool `group:"Sample" help:"Serve sample data with public keys and a provider stand-in, on loopback only."`

	ProviderURL        string   `name:"provider-url" group:"Provider" placeholder:"URL" help:"Where notifications are sent to, by https; by http only with --provider-allow-private."`
	ProviderSecret     []string `group:"Provider" placeholder:"whsec_…" secret:"" help:"What notifications are signed with; several while it is being changed."`
	ProviderSecretFile string   `group:"Provider" placeholder:"FILE" help:"File with such secrets, one a line; SIGHUP has it read again."`

	ProviderAllowPrivate bool            `group:"Provider" help:"Let notifications go to private, loopback, link-local and metadata addresses, and through the proxy that the environment names; without, they go to public addresses only, and directly."`
	DeliverySchedule     []time.Duration `group:"Provider" default:"${schedule}" help:"Waits between the attempts to deliver a notification, each spread by a fifth; they may rise and fall. A provider's longer Retry-After is obeyed, up to the longest of them."`

	KeepJobs       time.Duration `group:"Upkeep" default:"24h" help:"How long finished jobs stay in the queue."`
	KeepDeliveries time.Duration `group:"Upkeep" default:"2160h" help:"How long attempts to deliver stay in the ledger; audit rows stay for good."`

	RateLimit       *int          `group:"Limits" placeholder:"N" help:"Calls a second of one address, and of one company, in this process; 0 for no limit (default 15; with --sample 0)."`
	TrustedProxies  addressRanges `group:"Limits" placeholder:"CIDR" help:"Proxies that may say for whom they call, at least /8 each; without, all that comes through one shares its quota."`
	ProxyHeader     string        `group:"Limits" enum:"X-Forwarded-For,Forwarded" default:"X-Forwarded-For" help:"The header they say it in, which each of them must set or replace: X-Forwarded-For or Forwarded."`
	MaxConnections  int           `group:"Limits" default:"2048" help:"Connections open at the same time, each of which takes about 50 KB; more wait until one ends."`
	ValidateReplies bool          `group:"Limits" default:"true" negatable:"" help:"Hold every reply against the specification before it leaves."`
	CallTimeout     time.Duration `group:"Limits" default:"10s" help:"Longest time one call may take."`
	ShutdownTimeout time.Duration `group:"Limits" default:"20s" help:"Longest time from the signal to the end, whatever does not answer meanwhile."`
	DrainDelay      time.Duration `group:"Limits" default:"0s" help:"Time after the signal in which the service still serves, but is not ready any more."`

	OTLPEndpoint string            `name:"otlp-endpoint" group:"Traces" placeholder:"URL" help:"Collector of traces, OTLP over HTTP; none are recorded without."`
	OTLPHeader   map[string]string `name:"otlp-header" group:"Traces" placeholder:"NAME=VALUE" mapsep:"," secret:"" help:"Headers to send to the collector."`
	TraceRatio   float64           `group:"Traces" default:"1" help:"Part of the traces that is recorded, from 0 to 1."`
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
		ValidateResponses:  f.ValidateReplies,
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
	if !c.Sample || c.TLSCert != "" { // a terminal that is closed ends the sample
		reload := make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		config.Reload = reload
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return app.Serve(ctx, config, logger, std.out)
}

// gcPercent spends memory on speed. The service keeps a few megabytes for long and makes garbage with each
// call: at Go's default of 100 it would spend a fifth of its time collecting. $GOGC overrules it.
const gcPercent = 400

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
