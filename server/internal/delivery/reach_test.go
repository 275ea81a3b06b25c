package delivery_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"8.8.8.8", "1.1.1.1", "93.184.215.14", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",
		"64:ff9b::808:808", "2002:808:808::1",
	} {
		require.True(t, delivery.Public(netip.MustParseAddr(address)), address)
	}
	for _, address := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.0.1", "169.254.169.254", "169.254.170.2", "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.0.1",
		"192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:10.0.0.1",
		"64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:a00:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
		"2001::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		require.False(t, delivery.Public(netip.MustParseAddr(address)), address)
	}
}

// resolver answers every name with one address.
func resolver(t *testing.T, a netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			answer := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true},
				Questions: m.Questions,
			}
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}
			switch {
			case q.Type == dnsmessage.TypeA && a.Is4():
				answer.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: a.As4()}}}
			case q.Type == dnsmessage.TypeAAAA && a.Is6():
				answer.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}}
			}
			if packed, err := answer.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-served })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// TestSender_private: a name that resolves to this machine fails each attempt, unless that is allowed.
func TestSender_private(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	const fault = "the provider's address is not public; --provider-allow-private would let it be reached"
	for _, address := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::1", "169.254.169.254", "64:ff9b::7f00:1"} {
		t.Run(address, func(t *testing.T) {
			sender, err := delivery.NewSender("https://provider.example:"+port+"/", []string{firstSecret}, false, time.Now)
			require.NoError(t, err)
			t.Cleanup(sender.Close)
			sender.Resolve(resolver(t, netip.MustParseAddr(address)))
			require.False(t, sender.Proxied(), "a proxy would resolve the name by itself")
			for range 2 {
				status, said, _ := sender.Attempt(t.Context(), aNotification)
				require.Zero(t, status)
				require.Equal(t, fault, said)
			}
			require.Zero(t, reached.Load())
		})
	}
	sender, err := delivery.NewSender("http://provider.example:"+port+"/", []string{firstSecret}, true, time.Now)
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	sender.Resolve(resolver(t, netip.MustParseAddr("127.0.0.1")))
	require.True(t, sender.Proxied())
	status, said, _ := sender.Attempt(t.Context(), aNotification)
	require.Equal(t, http.StatusOK, status, said)
}
