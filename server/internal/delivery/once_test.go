package delivery_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// framed is a provider that speaks HTTP/2 frame by frame, as the test says. It counts what is sent to it.
type framed struct {
	url         string
	roots       *x509.CertPool
	posts       atomic.Int32
	connections atomic.Int32
}

// newFramed starts one. answer is called for the n-th POST, behind its header or, if whole, behind its body; false
// ends the connection.
func newFramed(t *testing.T, whole bool, answer func(f *http2.Framer, n int, stream uint32) bool) *framed {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // for its certificate
	certified.Close()
	p := &framed{roots: x509.NewCertPool()}
	p.roots.AddCert(certified.Certificate())
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	p.url = "https://" + listener.Addr().String() + "/hook"
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.connections.Add(1)
			serving.Go(func() { p.serve(conn, whole, answer) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return p
}

func (p *framed) serve(conn net.Conn, whole bool, answer func(f *http2.Framer, n int, stream uint32) bool) {
	defer func() { _ = conn.Close() }()
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() && f.WriteSettingsAck() != nil {
				return
			}
		case *http2.HeadersFrame:
			n := int(p.posts.Add(1))
			if !whole && !answer(f, n, frame.StreamID) {
				return
			}
		case *http2.DataFrame:
			if whole && frame.StreamEnded() && !answer(f, int(p.posts.Load()), frame.StreamID) {
				return
			}
		}
	}
}

func ok(f *http2.Framer, stream uint32) bool {
	var block strings.Builder
	if hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "204"}) != nil {
		return false
	}
	return f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true,
	}) == nil
}

// TestSender_once: an attempt is one POST, whatever the provider answers over HTTP/2 that net/http takes for a wish
// to have it again.
func TestSender_once(t *testing.T) {
	t.Parallel()
	reset := func(code http2.ErrCode) func(*http2.Framer, uint32) bool {
		return func(f *http2.Framer, stream uint32) bool { return f.WriteRSTStream(stream, code) == nil }
	}
	away := func(last uint32, code http2.ErrCode) func(*http2.Framer, uint32) bool {
		return func(f *http2.Framer, _ uint32) bool { _ = f.WriteGoAway(last, code, nil); return false }
	}
	for name, fail := range map[string]func(f *http2.Framer, stream uint32) bool{
		"RST_STREAM PROTOCOL_ERROR":      reset(http2.ErrCodeProtocol),
		"RST_STREAM REFUSED_STREAM":      reset(http2.ErrCodeRefusedStream),
		"RST_STREAM INTERNAL_ERROR":      reset(http2.ErrCodeInternal),
		"RST_STREAM ENHANCE_YOUR_CALM":   reset(http2.ErrCodeEnhanceYourCalm),
		"RST_STREAM HTTP_1_1_REQUIRED":   reset(http2.ErrCodeHTTP11Required),
		"RST_STREAM NO_ERROR":            reset(http2.ErrCodeNo),
		"GOAWAY and close":               away(0, http2.ErrCodeNo),
		"GOAWAY PROTOCOL_ERROR":          away(0, http2.ErrCodeProtocol),
		"GOAWAY behind it":               away(1<<31-1, http2.ErrCodeNo),
		"GOAWAY, the connection is kept": func(f *http2.Framer, _ uint32) bool { return f.WriteGoAway(0, http2.ErrCodeNo, nil) == nil },
		"close":                          func(*http2.Framer, uint32) bool { return false },
	} {
		for when, whole := range map[string]bool{"behind the header": false, "behind the body": true} {
			for which, first := range map[string]int{"new connection": 1, "kept connection": 2} {
				t.Run(name+", "+when+", "+which, func(t *testing.T) {
					t.Parallel()
					p := newFramed(t, whole, func(f *http2.Framer, n int, stream uint32) bool {
						if n < first {
							return ok(f, stream)
						}
						return fail(f, stream)
					})
					s := senderTo(t, p)
					for n := 1; n < first; n++ {
						status, fault, _ := s.Attempt(t.Context(), aNotification)
						require.Equal(t, 204, status, fault)
					}
					status, fault, _ := s.Attempt(t.Context(), aNotification)
					require.Zero(t, status)
					require.Equal(t, "the connection to the provider broke", fault)
					s.Close()
					require.EqualValues(t, first, p.posts.Load(), "one attempt, one POST")
				})
			}
		}
	}
}

// TestSender_keptConnection: what the provider closed while it was not used costs no attempt.
func TestSender_keptConnection(t *testing.T) {
	t.Parallel()
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		p := newFramed(t, true, func(f *http2.Framer, _ int, stream uint32) bool {
			return f.WriteGoAway(stream, http2.ErrCodeNo, nil) == nil && ok(f, stream)
		})
		s := senderTo(t, p)
		for range 5 {
			status, fault, _ := s.Attempt(t.Context(), aNotification)
			require.Equal(t, 204, status, fault)
		}
		require.EqualValues(t, 5, p.posts.Load())
	})
	t.Run("HTTP/1", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var posts atomic.Int32
		var serving sync.WaitGroup
		serving.Go(func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				serving.Go(func() {
					defer func() { _ = conn.Close() }()
					buffer := make([]byte, 64<<10)
					for read := 0; !strings.Contains(string(buffer[:read]), `"}}`); { // its body's end
						n, err := conn.Read(buffer[read:])
						if err != nil {
							return
						}
						read += n
					}
					if posts.Add(1)%3 != 0 { // every third one is read, and not answered
						_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					}
				})
			}
		})
		t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
		s, err := delivery.NewSender("http://"+listener.Addr().String(), []string{firstSecret}, true, time.Now)
		require.NoError(t, err)
		t.Cleanup(s.Close)
		for range 30 {
			before := posts.Load()
			status, fault, _ := s.Attempt(t.Context(), aNotification)
			sent := posts.Load() - before
			require.LessOrEqual(t, sent, int32(1), "one attempt, one POST")
			if sent == 1 && posts.Load()%3 != 0 {
				require.Equal(t, 204, status, fault)
			} else { // or it was sent to a connection that was being closed
				require.Equal(t, "the connection to the provider broke", fault)
			}
		}
	})
}

var aNotification = enablement.Notification{ID: "ntf_1", RequestID: "rq_1", ClientID: "cl_1", CompanyID: "cmp_1",
	Product: enablement.CardsIndividuals, Status: enablement.InKYC, SubmittedAt: time.Unix(1_776_000_000, 0)}

func senderTo(t *testing.T, p *framed) *delivery.Sender {
	t.Helper()
	s, err := delivery.NewSender(p.url, []string{firstSecret}, true, time.Now)
	require.NoError(t, err)
	s.Trust(p.roots)
	t.Cleanup(s.Close)
	return s
}
