package clienttest_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is what happens to the first connection through a proxy. An offset that is not set, -1, is
// never reached.
type fault struct {
	// closed closes the connection before anything is read of it.
	closed bool
	// cutRequest and cutResponse close both sides after so many bytes of each way.
	cutRequest, cutResponse int
	// flipRequest and flipResponse change the byte at this offset by flip.
	flipRequest, flipResponse int
	flip                      byte
	// delay holds the response back for so long.
	delay time.Duration
	// reset closes with a reset in place of an end.
	reset bool
}

func noFault() fault {
	return fault{cutRequest: -1, cutResponse: -1, flipRequest: -1, flipResponse: -1}
}

// proxy passes connections on to a service, the first one with a fault.
type proxy struct {
	url   string
	dials atomic.Int32
}

func newProxy(t *testing.T, service string, f fault) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{url: "http://" + listener.Addr().String()}
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			here := noFault()
			if p.dials.Add(1) == 1 {
				here = f
			}
			group.Go(func() { here.pass(conn, strings.TrimPrefix(service, "http://"), done) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		close(done)
		group.Wait()
	})
	return p
}

// pass passes one connection on until either side ends, the fault ends it, or the test does.
func (f fault) pass(conn net.Conn, service string, done <-chan struct{}) {
	defer func() { _ = conn.Close() }()
	if f.reset {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	if f.closed {
		return
	}
	upstream, err := net.Dial("tcp", service)
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	var group sync.WaitGroup
	ended := make(chan struct{}, 2)
	group.Go(func() {
		f.copy(upstream, conn, f.cutRequest, f.flipRequest, 0, done)
		ended <- struct{}{}
	})
	group.Go(func() {
		f.copy(conn, upstream, f.cutResponse, f.flipResponse, f.delay, done)
		ended <- struct{}{}
	})
	select {
	case <-ended:
	case <-done:
	}
	_ = conn.Close()
	_ = upstream.Close()
	group.Wait()
}

// copy copies up to cut bytes, changing the one at flip.
func (f fault) copy(to io.Writer, from io.Reader, cut, flip int, delay time.Duration, done <-chan struct{}) {
	buffer := make([]byte, 4096)
	for offset := 0; cut != 0; {
		size := len(buffer)
		if cut > 0 {
			size = min(size, cut-offset)
		}
		n, err := from.Read(buffer[:size])
		if delay > 0 && n > 0 {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-done:
			}
			timer.Stop()
		}
		if at := flip - offset; at >= 0 && at < n {
			buffer[at] ^= f.flip
		}
		offset += n
		if _, writeErr := to.Write(buffer[:n]); writeErr != nil || err != nil || offset == cut {
			return
		}
	}
	// Nothing at all is passed on: wait until what is not passed on came.
	_, _ = from.Read(buffer)
}
