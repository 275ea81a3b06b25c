package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/app"
)

// hidden must not show in any of the results.
const hidden = "hunter2"

func TestRedacted(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"":                                   "",
		"/var/lib/enablementd/enablement.db": "/var/lib/enablementd/enablement.db",
		"postgres://h/db":                    "postgres://h/db",
		"postgres://u@h:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem": "postgres://u@h:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
		"postgres://u:hunter2@h/db":                                              "postgres://u:xxxxx@h/db",
		"postgresql://u:hunter2@a,b/db":                                          "postgresql://u:xxxxx@a,b/db",
		"postgres://u:%68unter2@h/db":                                            "postgres://u:xxxxx@h/db",
		"postgres://u@h/db?password=hunter2":                                     "postgres://u@h/db?password=xxxxx",
		"postgres://u@h/db?sslpassword=hunter2&sslkey=/k.pem&pool_max_conns=4":   "postgres://u@h/db?sslpassword=xxxxx&sslkey=/k.pem&pool_max_conns=4",
		"postgres://u@h/db?passfile=/run/pgpass&options=-c%20x.secret%3Dhunter2": "postgres://u@h/db?passfile=/run/pgpass&options=xxxxx",
		"postgres://u@h/db?PASSWORD=hunter2":                                     "postgres://u@h/db?PASSWORD=xxxxx",
		"postgres://u@h/db?%70assword=hunter2":                                   "postgres://u@h/db?%70assword=xxxxx",
		"postgres://u@h/db?hunter2":                                              "postgres://u@h/db?xxxxx",
		"postgres://u@h/db?sslmode=require;password=hunter2":                     "postgres://u@h/db?sslmode=require&password=xxxxx",
		"postgres://u@h/db#hunter2":                                              "postgres://u@h/db#xxxxx",
		"postgres://u:hun/ter2@h/db":                                             "postgres://xxxxx",
		"postgres://u:1/hunter2@h/db":                                            "postgres://xxxxx",
		"postgres://u:1?hunter2@h/db":                                            "postgres://xxxxx",
		"postgres://u:#hunter2@h/db":                                             "postgres://xxxxx",
		"postgres://u:hunter2 @h/db":                                             "postgres://xxxxx",
		"postgres://u:%hunter2@h/db":                                             "postgres://xxxxx",
		"mysql://u:hunter2@h/db":                                                 "mysql://u:xxxxx@h/db",
		"postgres:/u:hunter2@h/db":                                               "postgres:/xxxxx@h/db",
		"host=h user=u password=hunter2 dbname=d":                                "host=h user=u password=xxxxx",
		"host=h user=u password = 'hun ter2 hunter2'":                            "host=h user=u password=xxxxx",
		`host=h sslpassword=x'y hunter2`:                                         "host=h sslpassword=xxxxx",
	} {
		got := app.Redacted(location)
		require.Equal(t, want, got, location)
		require.NotContains(t, got, hidden)
	}
}

func TestRedactedURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                              "",
		"https://provider.example/hook": "https://provider.example/hook",
		"https://provider.example:8443/v1/webhooks/cards-individuals": "https://provider.example:8443/v1/webhooks/cards-individuals",
		"https://hunter2@provider.example/hook":                       "https://xxxxx@provider.example/hook",
		"https://u:hunter2@provider.example/hook":                     "https://xxxxx@provider.example/hook",
		"https://provider.example/hook?token=hunter2&region=hunter2":  "https://provider.example/hook?token=xxxxx&region=xxxxx",
		"https://provider.example/hook?hunter2":                       "https://provider.example/hook?xxxxx",
		"https://provider.example/services/T0/B0/hunter2":             "https://provider.example/services/xxxxx/xxxxx/xxxxx",
		"https://provider.example/bot1:hunter2/send":                  "https://provider.example/xxxxx/send",
		"https://provider.example/a/qwertyuiopasdfghjkl":              "https://provider.example/a/xxxxx",
		"https://provider.example/hook#hunter2":                       "https://provider.example/hook#xxxxx",
		"https://u:1/hunter2@provider.example/":                       "xxxxx",
		"provider.example/hunter2":                                    "xxxxx",
		"https://u:%zz-hunter2@provider.example/":                     "xxxxx",
	} {
		got := app.RedactedURL(address)
		require.Equal(t, want, got, address)
		require.NotContains(t, got, hidden)
	}
}

func TestMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"make one with: echo whsec_$(openssl rand -base64 32)": "make one with: echo whsec_$(openssl rand -base64 32)",
		"must be whsec_ and base64 of 24 to 64 bytes":          "must be whsec_ and base64 of 24 to 64 bytes",
		"--provider-secret is missing: notifications":          "--provider-secret is missing: notifications",
		"unexpected argument whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2": "unexpected argument whsec_xxxxx",
		"unexpected argument hunter2@h/db":                     "unexpected argument xxxxx@h/db",
		`cannot parse "postgres://u:hunter2@h/db"`:             `cannot parse "postgres://xxxxx@h/db"`,
		`dial "https://h/x?access_token=hunter2&a=b": refused`: `dial "https://h/x?access_token=xxxxx&a=b": refused`,
		`no file "host=h password=hunter2": gone`:              `no file "host=h password=xxxxx": gone`,
		"unknown flag --provider-secret-fil=hunter2":           "unknown flag --provider-secret-fil=xxxxx",
	} {
		got := app.Masked(text)
		require.Equal(t, want, got)
		require.NotContains(t, got, hidden)
	}
}
