// Package clienttest_test runs the client, and a provider made with package notification, against the
// real service, built and started as a user would.
package clienttest_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/cryptomate-go/enablement/client/notification"
)

// binary builds the service, once.
var binary = sync.OnceValue(func() string {
	path := filepath.Join(dir, "enablementd")
	if output, err := exec.Command("go", "build", "-o", path, "../../../server/cmd/enablementd").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, output))
	}
	return path
})

// dir is removed at the end.
var dir string

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http tells it of connections that are cut on purpose
	var err error
	if dir, err = os.MkdirTemp("", "clienttest-"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

const (
	patience = time.Minute
	secret   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	photo    = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)

// service is the running service, with requests that have all they need.
type service struct {
	t        *testing.T
	key, url string
	db       *sql.DB

	mu     sync.Mutex
	output bytes.Buffer
	// told counts the notifications of each request that the provider acted on.
	told map[string]int
	used int
}

// start starts a service with so many requests and a provider.
func start(t *testing.T, requests int, args ...string) *service {
	t.Helper()
	s := &service{t: t, told: make(map[string]int)}
	dir := t.TempDir()
	path := filepath.Join(dir, "service.db")
	command(t, "", "migrate", "--db", path)
	command(t, dataset(requests), "import", "-", "--db", path)
	s.key = strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", path))
	s.key = s.key[strings.LastIndexAny(s.key, " \n")+1:]

	verifier, err := notification.New([]string{secret})
	require.NoError(t, err)
	provider := httptest.NewServer(verifier.Handler(func(_ context.Context, n *notification.Notification) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told[n.Data.ID]++
		return nil
	}))
	t.Cleanup(provider.Close)

	c := exec.Command(binary(), append([]string{
		"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off", "--db", path, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", secret,
	}, args...)...)
	c.Stdout, c.Stderr = s, s
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	s.url = s.waitFor(`listens on (https?://\S+)`)
	s.db, err = sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

// command runs a command of the service to its end, and returns what it wrote.
func command(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), binary(), args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	require.NoError(t, c.Run(), errs.String())
	return out.String()
}

// dataset is what import takes: clients cl_1, cl_2, … each with a request rq_1, rq_2, … that lacks nothing.
func dataset(requests int) string {
	type object map[string]any
	var clients, documents, open []object
	for i := 1; i <= requests; i++ {
		client := fmt.Sprintf("cl_%d", i)
		clients = append(clients, object{
			"id": client, "company_id": "cmp_1", "type": "individual", "first_name": "Sample", "last_name": "Person",
			"email": "sample@example.com", "birth_date": "1984-11-21", "phone_country_code": 54, "phone_number": 91123456789,
			"address": object{"street_line1": "Street 1", "city": "Del Viso", "postal_code": "1669", "state": "ARG-B", "country": "ARG"},
		})
		documents = append(documents, object{
			"client_id": client, "document_type": "passport", "image_front": photo,
			"metadata": object{"number": "X7654321", "issuing_country": "ARG", "expiration_date": "2099-12-31"},
		})
		open = append(open, object{
			"id": fmt.Sprintf("rq_%d", i), "client_id": client, "product": "cards_individuals", "status": "pending_documentation",
		})
	}
	text, err := json.Marshal(object{
		"companies": []object{{"id": "cmp_1", "name": "Sample company"}}, "clients": clients, "documents": documents, "requests": open,
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s *service) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(b)
}

// log returns all that the service wrote.
func (s *service) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// waitFor waits until the log matches and returns the first group.
func (s *service) waitFor(pattern string) string {
	s.t.Helper()
	expression := regexp.MustCompile(pattern)
	var match []string
	require.Eventually(s.t, func() bool {
		match = expression.FindStringSubmatch(s.log())
		return match != nil
	}, patience, 5*time.Millisecond, "the log never matched %s", pattern)
	return match[1]
}

// next returns a request that no test has used.
func (s *service) next() (clientID, requestID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used++
	return fmt.Sprintf("cl_%d", s.used), fmt.Sprintf("rq_%d", s.used)
}

// status returns that of a request, as the database has it.
func (s *service) status(t *testing.T, requestID string) string {
	t.Helper()
	var status string
	require.NoError(t, s.db.QueryRowContext(t.Context(), "SELECT status FROM requests WHERE id = $1", requestID).Scan(&status))
	return status
}

// statuses counts the statuses that the service answered to so many calls: the last lines of its log may
// come later than the responses.
func (s *service) statuses(calls int) map[string]int {
	var counts map[string]int
	require.Eventually(s.t, func() bool {
		found := regexp.MustCompile(`msg=call .*?status=(\d+)`).FindAllStringSubmatch(s.log(), -1)
		counts = make(map[string]int)
		for _, match := range found {
			counts[match[1]]++
		}
		return len(found) >= calls
	}, patience, 10*time.Millisecond)
	return counts
}
