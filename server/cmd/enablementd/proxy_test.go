package main_test

import (
	"bufio"
	"bytes"
	wire "encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// commitFault is what becomes of a commit on its way.
type commitFault int

const (
	noFault    commitFault = iota
	unsent                 // the connection breaks before the server has the commit
	unanswered             // it breaks when the server has committed, before its answer arrives
)

// databaseProxy stands between the service and PostgreSQL and knows the protocol well enough to break a
// connection at a commit.
type databaseProxy struct {
	// URL is that of the database behind it.
	URL string

	upstream [2]string // network and address
	address  string

	mu       sync.Mutex
	listener net.Listener // nil while it refuses
	links    map[*link]bool
	fault    commitFault
	faults   int           // how many were made
	silent   chan struct{} // closed when it forwards again; nil while it does
}

// newDatabaseProxy listens in front of the database.
func newDatabaseProxy(t testing.TB, dsn string) *databaseProxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	p := &databaseProxy{address: "127.0.0.1:0", links: make(map[*link]bool)}
	p.upstream[0], p.upstream[1] = pgconn.NetworkAddress(config.Host, config.Port)
	require.NoError(t, p.accept())
	t.Cleanup(p.refuse)
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	query := u.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.Host, u.RawQuery = p.address, query.Encode()
	p.URL = u.String()
	return p
}

// accept takes connections from now on.
func (p *databaseProxy) accept() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.listener, p.address = listener, listener.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return nil
}

// refuse cuts all connections and takes none.
func (p *databaseProxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for l := range p.links {
		l.cut()
	}
	p.unsilence()
}

// silence forwards nothing from now on, and breaks nothing either; speak ends that.
func (p *databaseProxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = make(chan struct{})
}

func (p *databaseProxy) speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsilence()
}

func (p *databaseProxy) unsilence() {
	if p.silent != nil {
		close(p.silent)
		p.silent = nil
	}
}

func (p *databaseProxy) mayForward() {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent != nil {
		<-silent
	}
}

// arm has the commits of submissions fail from now on.
func (p *databaseProxy) arm(fault commitFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.faults = fault, 0
}

// made is how many commits failed since.
func (p *databaseProxy) made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}

func (p *databaseProxy) take() commitFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != noFault {
		p.faults++
	}
	return p.fault
}

func (p *databaseProxy) serve(client net.Conn) {
	server, err := net.Dial(p.upstream[0], p.upstream[1])
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{proxy: p, client: client, server: server, statements: make(map[string]string)}
	p.mu.Lock()
	refused := p.listener == nil
	p.links[l] = true
	p.mu.Unlock()
	if refused {
		l.cut()
	}
	var both sync.WaitGroup
	both.Go(func() { _ = l.forth(); l.cut() })
	both.Go(func() { _ = l.back(); l.cut() })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// link is one connection of the service's.
type link struct {
	proxy          *databaseProxy
	client, server net.Conn

	// Of what the client sends: its prepared statements, and whether its transaction is of submissions.
	statements map[string]string
	submitting bool

	mu       sync.Mutex
	awaiting bool // the answer to a commit, which the client will not get
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

var errCut = errors.New("cut")

// forth forwards what the client says.
func (l *link) forth() error {
	in := bufio.NewReader(l.client)
	first, err := message(in, 0) // without a type
	if err != nil {
		return err
	}
	if _, err := l.server.Write(first); err != nil {
		return err
	}
	for {
		m, err := message(in, 1)
		if err != nil {
			return err
		}
		if l.commits(m) {
			switch l.proxy.take() {
			case unsent:
				return errCut
			case unanswered:
				l.mu.Lock()
				l.awaiting = true
				l.mu.Unlock()
			}
		}
		l.proxy.mayForward()
		if _, err := l.server.Write(m); err != nil {
			return err
		}
	}
}

// commits tells whether a message commits submissions.
func (l *link) commits(m []byte) bool {
	texts := strings.SplitN(string(m[5:]), "\x00", 3)
	var statement string
	switch m[0] {
	case 'P': // parse: a name, and the statement
		l.statements[texts[0]] = texts[1]
		return false
	case 'B': // bind: a portal's name, and the statement's
		statement = l.statements[texts[1]]
	case 'Q':
		statement = texts[0]
	default:
		return false
	}
	statement = strings.ToLower(strings.TrimSpace(statement))
	switch {
	case strings.HasPrefix(statement, "begin"), statement == "rollback":
		l.submitting = false
	case strings.HasPrefix(statement, "insert into audit"):
		l.submitting = true
	case statement == "commit":
		submitted := l.submitting
		l.submitting = false
		return submitted
	}
	return false
}

// back forwards what the server says.
func (l *link) back() error {
	in := bufio.NewReader(l.server)
	for {
		m, err := message(in, 1)
		if err != nil {
			return err
		}
		l.mu.Lock()
		awaiting := l.awaiting
		l.mu.Unlock()
		if awaiting {
			if m[0] == 'C' && bytes.Equal(m[5:], []byte("COMMIT\x00")) {
				return errCut
			}
			continue
		}
		l.proxy.mayForward()
		if _, err := l.client.Write(m); err != nil {
			return err
		}
	}
}

// message reads a message with so many bytes before its length.
func message(in *bufio.Reader, before int) ([]byte, error) {
	header := make([]byte, before+4)
	if _, err := io.ReadFull(in, header); err != nil {
		return nil, err
	}
	m := make([]byte, before+int(wire.BigEndian.Uint32(header[before:])))
	_, err := io.ReadFull(in, m[copy(m, header):])
	return m, err
}
