package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server"
)

// proxied is a handler that trusts some proxies, and whom its authenticator saw last.
type proxied struct {
	http.Handler
	seen netip.Addr
}

func newProxied(t testing.TB, opts ...server.Option) *proxied {
	t.Helper()
	p := &proxied{}
	p.Handler = newFixture(t, works, append(opts,
		server.WithLogger(slog.New(slog.DiscardHandler)),
		authenticator(func(_ context.Context, _ string, from netip.Addr) (server.Principal, error) {
			p.seen = from
			return principal, nil
		}))...)
	return p
}

// client is whom the authenticator sees.
func (p *proxied) client(t testing.TB, peer string, header http.Header) netip.Addr {
	t.Helper()
	r := request(http.MethodPost, goodPath)
	r.RemoteAddr = peer
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	return p.seen
}

var trusted = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48"), netip.MustParsePrefix("fe80::/10"),
}

func TestWithTrustedProxies_RefusesWhatIsUnsafe(t *testing.T) {
	t.Parallel()
	private := netip.MustParsePrefix("10.0.0.0/8")
	for want, option := range map[string]server.Option{
		`header "" is neither X-Forwarded-For nor Forwarded`: server.WithTrustedProxies("", private),
		`header "X-Real-Ip" is neither`:                      server.WithTrustedProxies("X-Real-Ip", private),
		"no prefix is given":                                 server.WithTrustedProxies(server.XForwardedFor),
		"prefix 2 of 2 is invalid":                           server.WithTrustedProxies(server.Forwarded, private, netip.Prefix{}),
		"prefix 0.0.0.0/0 would trust everybody":             server.WithTrustedProxies(server.Forwarded, netip.MustParsePrefix("0.0.0.0/0")),
		"prefix 0.0.0.0/1 is too wide":                       server.WithTrustedProxies(server.Forwarded, private, netip.MustParsePrefix("0.0.0.0/1")),
		"prefix ::/0 would trust everybody":                  server.WithTrustedProxies(server.Forwarded, netip.MustParsePrefix("::/0")),
		"::ffff:10.0.0.0/104: write it as an IPv4 one":       server.WithTrustedProxies(server.Forwarded, netip.MustParsePrefix("::ffff:10.0.0.0/104")),
	} {
		h, err := server.Handler(submit(works), server.WithAuthenticator(server.AuthenticatorFunc(allow)), option)
		require.ErrorContains(t, err, "WithTrustedProxies: ")
		require.ErrorContains(t, err, want)
		require.Nil(t, h)
	}
}

const (
	proxy  = "10.0.0.1:999"
	client = "192.0.2.1"
)

func TestXForwardedFor(t *testing.T) {
	t.Parallel()
	p := newProxied(t, server.WithTrustedProxies(server.XForwardedFor, trusted...))
	without := newProxied(t)
	list := func(values ...string) []string { return values }
	hops := strings.Repeat(", 10.0.0.9", 31)
	for name, test := range map[string]struct {
		peer   string
		values []string
		want   string
	}{
		"by a proxy":                {proxy, list(client), client},
		"by two":                    {proxy, list(client + ", 10.0.0.2"), client},
		"by two, in two headers":    {proxy, list(client, "10.0.0.2"), client},
		"in two headers of several": {proxy, list("198.51.100.1, "+client, "10.0.0.3, 10.0.0.2"), client},
		"without spaces":            {proxy, list("198.51.100.1," + client + ",10.0.0.2"), client},
		"with tabs":                 {proxy, list("\t" + client + " \t"), client},
		"with a port":               {proxy, list(client + ":4711"), client},
		"with ports everywhere":     {proxy, list("198.51.100.1:1, " + client + ":4711, 10.0.0.2:80"), client},
		"loopback with a port":      {proxy, list("[::1]:80"), "::1"},
		"IPv6":                      {proxy, list("2001:db8::1"), "2001:db8::1"},
		"IPv6, in brackets":         {proxy, list("[2001:db8::1]"), "2001:db8::1"},
		"IPv6, with a port":         {proxy, list("[2001:db8::1]:4711"), "2001:db8::1"},
		"IPv4 in its IPv6 form":     {proxy, list("::ffff:" + client), client},
		"trusted in its IPv6 form":  {proxy, list(client + ", ::ffff:10.0.0.2"), client},
		"proxy in its IPv6 form":    {"[::ffff:10.0.0.1]:999", list(client), client},
		"by an IPv6 proxy":          {"[2001:db8:f::1]:999", list(client), client},
		"by a proxy on the link":    {"[fe80::1%eth0]:999", list(client), client},
		"only proxies":              {proxy, list("10.0.0.3, 10.0.0.2"), "10.0.0.3"},
		"no header":                 {proxy, nil, "10.0.0.1"},
		"empty header":              {proxy, list(""), "10.0.0.1"},
		"32 hops":                   {proxy, list(client + hops), client},
		"a hop too many":            {proxy, list(client + hops + ", 10.0.0.8"), "10.0.0.9"},

		// What isn't a proxy can say what it likes.
		"peer not trusted":               {"203.0.113.9:1", list(client), "203.0.113.9"},
		"peer not trusted, claims proxy": {"203.0.113.9:1", list("10.0.0.1"), "203.0.113.9"},
		"peer unknown":                   {"@", list(client), ""},
		"neighbour of the proxies":       {"11.0.0.1:1", list(client), "11.0.0.1"},
		// What a client sends is to the left of what the proxy appends.
		"spoofed":                {proxy, list("198.51.100.1, " + client), client},
		"spoofed, in own header": {proxy, list("198.51.100.1", client), client},
		"spoofed a proxy":        {proxy, list("198.51.100.1, 10.0.0.7, " + client), client},
		"spoofed garbage":        {proxy, list(`"<>;=,",\,` + client), client},
		"spoofed an open quote":  {proxy, list(`"198.51.100.1, ` + client), client},
		"spoofed 100 KB":         {proxy, list(strings.Repeat("10.0.0.2,", 12_000) + client), client},
		"spoofed one long entry": {proxy, list(strings.Repeat("x", 100_000) + "," + client), client},
		"spoofed 10,000 headers": {proxy, append(make([]string, 10_000), client), client},
		// Nothing to the left of garbage counts.
		"unknown":                     {proxy, list("198.51.100.1, unknown"), "10.0.0.1"},
		"unknown behind a proxy":      {proxy, list("198.51.100.1, unknown, 10.0.0.2"), "10.0.0.2"},
		"a name":                      {proxy, list("198.51.100.1, localhost"), "10.0.0.1"},
		"empty entry":                 {proxy, list("198.51.100.1, , 10.0.0.2"), "10.0.0.2"},
		"empty entry at the end":      {proxy, list("198.51.100.1, "), "10.0.0.1"},
		"empty header at the end":     {proxy, list("198.51.100.1", ""), "10.0.0.1"},
		"number out of range":         {proxy, list("198.51.100.1, 192.0.2.256"), "10.0.0.1"},
		"leading zero":                {proxy, list("192.0.2.01"), "10.0.0.1"},
		"a number":                    {proxy, list("3232235777"), "10.0.0.1"},
		"network":                     {proxy, list("192.0.2.0/24"), "10.0.0.1"},
		"two without a comma":         {proxy, list("198.51.100.1 192.0.2.1"), "10.0.0.1"},
		"port out of range":           {proxy, list("192.0.2.1:65536"), "10.0.0.1"},
		"port missing":                {proxy, list("192.0.2.1:"), "10.0.0.1"},
		"zone":                        {proxy, list("fe80::1%eth0"), "10.0.0.1"},
		"zone and port":               {proxy, list("[2001:db8::1%x]:1"), "10.0.0.1"},
		"IPv4 in brackets":            {proxy, list("[192.0.2.1]"), "10.0.0.1"},
		"IPv4 in brackets, with port": {proxy, list("[192.0.2.1]:1"), "10.0.0.1"},
		"open bracket":                {proxy, list("[2001:db8::1"), "10.0.0.1"},
		"closed bracket":              {proxy, list("2001:db8::1]"), "10.0.0.1"},
		"brackets twice":              {proxy, list("[[2001:db8::1]]"), "10.0.0.1"},
		"quoted":                      {proxy, list(`"192.0.2.1"`), "10.0.0.1"},
		"as in Forwarded":             {proxy, list("for=192.0.2.1"), "10.0.0.1"},
		"padded to 256 bytes":         {proxy, list("," + strings.Repeat(" ", 256-len(client)) + client), client},
		"padded to 257 bytes":         {proxy, list("," + strings.Repeat(" ", 257-len(client)) + client), "10.0.0.1"},
		"alone and 256 bytes":         {proxy, list(strings.Repeat(" ", 256-len(client)) + client), client},
		"alone and 257 bytes":         {proxy, list(strings.Repeat(" ", 257-len(client)) + client), "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			// The header that wasn't chosen is never read.
			header := http.Header{"Forwarded": {"for=198.51.100.99"}}
			if test.values != nil {
				header["X-Forwarded-For"] = test.values
			}
			require.Equal(t, test.want, text(p.client(t, test.peer, header)))
			require.Equal(t, text(peer(test.peer)), text(without.client(t, test.peer, header)), "without the option")
		})
	}
}

func TestForwarded(t *testing.T) {
	t.Parallel()
	p := newProxied(t, server.WithTrustedProxies(server.Forwarded, trusted...))
	list := func(values ...string) []string { return values }
	for name, test := range map[string]struct {
		peer   string
		values []string
		want   string
	}{
		"by a proxy":               {proxy, list("for=192.0.2.1"), client},
		"by two":                   {proxy, list("for=192.0.2.1, for=10.0.0.2"), client},
		"by two, in two headers":   {proxy, list("for=192.0.2.1", "for=10.0.0.2"), client},
		"with other parameters":    {proxy, list("proto=https;for=192.0.2.1;by=203.0.113.43;host=example.com"), client},
		"spaces around them":       {proxy, list("  proto=https ; for=192.0.2.1 ; by=_x\t"), client},
		"empty parameters":         {proxy, list(";;for=192.0.2.1;"), client},
		"in any case":              {proxy, list("By=203.0.113.43;FOR=192.0.2.1"), client},
		"quoted":                   {proxy, list(`for="192.0.2.1"`), client},
		"with a port":              {proxy, list(`for="192.0.2.1:4711"`), client},
		"with a port, not quoted":  {proxy, list(`for=192.0.2.1:4711`), client},
		"obfuscated port":          {proxy, list(`for="192.0.2.1:_p1"`), client},
		"obfuscated port, all":     {proxy, list(`for="192.0.2.1:_aZ0._-"`), client},
		"obfuscated port, IPv6":    {proxy, list(`For="[2001:db8::1]:_x"`), "2001:db8::1"},
		"obfuscated port, mapped":  {proxy, list(`for="[::ffff:192.0.2.1]:_x"`), client},
		"obfuscated port, proxy":   {proxy, list(`for=192.0.2.1, for="10.0.0.2:_p1"`), client},
		"obfuscated by":            {proxy, list(`for=192.0.2.1;by=_gazonk`), client},
		"escapes":                  {proxy, list(`for="\1\92.0.2.1\:\_p1"`), client},
		"escapes, IPv6":            {proxy, list(`for="\[2001:db8::1\]"`), "2001:db8::1"},
		"an escape beside":         {proxy, list(`for=192.0.2.1;x="\""`), client},
		"escaped at the end":       {proxy, list(`for=192.0.2.1;x="\\"`), client},
		"escapes hide a list":      {proxy, list(`for=192.0.2.1;x="a,\"for=198.51.100.1"`), client},
		"escapes hide one further": {proxy, list(`for=192.0.2.1, for=10.0.0.2;host="\", for=198.51.100.1"`), client},
		"empty element":            {proxy, list("for=192.0.2.1, , for=10.0.0.2"), client},
		"empty element at the end": {proxy, list("for=192.0.2.1, \t,"), client},
		"empty element at first":   {proxy, list(",for=192.0.2.1"), client},
		"empty header at the end":  {proxy, list("for=192.0.2.1", ""), client},
		"only empty elements":      {proxy, list(" , ,"), "10.0.0.1"},
		"in three headers":         {proxy, list("for=198.51.100.1, for=192.0.2.1", "", "for=10.0.0.3, for=10.0.0.2"), client},
		"IPv6":                     {proxy, list(`for="[2001:db8::1]"`), "2001:db8::1"},
		"IPv6, with a port":        {proxy, list(`For="[2001:db8::1]:4711"`), "2001:db8::1"},
		"IPv4 in its IPv6 form":    {proxy, list(`for="[::ffff:192.0.2.1]"`), client},
		"separators in quotes":     {proxy, list(`host="a,b;for=198.51.100.1";for=192.0.2.1`), client},
		"separators in quotes too": {proxy, list(`for=192.0.2.1, for=10.0.0.2;host="a,b;for=198.51.100.1"`), client},
		"only proxies":             {proxy, list("for=10.0.0.3, for=10.0.0.2"), "10.0.0.3"},
		"no header":                {proxy, nil, "10.0.0.1"},

		"peer not trusted":               {"203.0.113.9:1", list("for=192.0.2.1"), "203.0.113.9"},
		"peer not trusted, claims proxy": {"203.0.113.9:1", list("for=10.0.0.1"), "203.0.113.9"},
		// What a client sends is to the left of what the proxy appends, quotes and all.
		"spoofed":                    {proxy, list("for=198.51.100.1, for=192.0.2.1"), client},
		"spoofed a proxy":            {proxy, list("for=198.51.100.1, for=10.0.0.7, for=192.0.2.1"), client},
		"spoofed an open quote":      {proxy, list(`for="198.51.100.1, for=192.0.2.1`), client},
		"spoofed quotes around ours": {proxy, list(`for=198.51.100.1;x=", for="[2001:db8::1]:1"`), "2001:db8::1"},
		"spoofed an open parameter":  {proxy, list(`for=198.51.100.1;x=, for=192.0.2.1`), client},
		"spoofed an open escape":     {proxy, list(`for="198.51.100.1\, for=192.0.2.1`), client},
		"spoofed in another header":  {proxy, list(`for=198.51.100.1;x="`, `for=192.0.2.1`), client},

		"unknown":                     {proxy, list("for=198.51.100.1, for=unknown"), "10.0.0.1"},
		"unknown behind a proxy":      {proxy, list("for=198.51.100.1, for=unknown, for=10.0.0.2"), "10.0.0.2"},
		"obfuscated":                  {proxy, list("for=198.51.100.1, for=_hidden"), "10.0.0.1"},
		"obfuscated, with a port":     {proxy, list(`for=198.51.100.1, for="_hidden:80"`), "10.0.0.1"},
		"unknown, with a port":        {proxy, list(`for=198.51.100.1, for="unknown:_p"`), "10.0.0.1"},
		"obfuscated port, empty":      {proxy, list(`for="192.0.2.1:_"`), "10.0.0.1"},
		"obfuscated port, no start":   {proxy, list(`for="192.0.2.1:p1"`), "10.0.0.1"},
		"obfuscated port, odd":        {proxy, list(`for="192.0.2.1:_p+1"`), "10.0.0.1"},
		"two ports":                   {proxy, list(`for="192.0.2.1:_p:1"`), "10.0.0.1"},
		"port of six digits":          {proxy, list(`for="192.0.2.1:000080"`), "10.0.0.1"},
		"zone":                        {proxy, list(`for="[fe80::1%25eth0]:1"`), "10.0.0.1"},
		"IPv4 in brackets":            {proxy, list(`for="[192.0.2.1]:_p"`), "10.0.0.1"},
		"IPv6 out of brackets, port":  {proxy, list(`for="2001:db8:0:0:0:0:0:1:_p"`), "10.0.0.1"},
		"no for":                      {proxy, list("for=198.51.100.1, by=192.0.2.1"), "10.0.0.1"},
		"for of another name":         {proxy, list("xfor=192.0.2.1"), "10.0.0.1"},
		"two for":                     {proxy, list("for=198.51.100.1;for=192.0.2.1"), "10.0.0.1"},
		"two for, one empty":          {proxy, list(`for="";for=192.0.2.1`), "10.0.0.1"},
		"an address only":             {proxy, list("192.0.2.1"), "10.0.0.1"},
		"no pair at all":              {proxy, list("for=198.51.100.1, ;, for=10.0.0.2"), "10.0.0.2"},
		"empty":                       {proxy, list("for="), "10.0.0.1"},
		"space at the equals sign":    {proxy, list("for =192.0.2.1"), "10.0.0.1"},
		"space inside":                {proxy, list("for=192.0.2.1 x"), "10.0.0.1"},
		"quote inside":                {proxy, list(`for=192.0.2.1""`), "10.0.0.1"},
		"more after the quotes":       {proxy, list(`for="192.0.2.1"x`), "10.0.0.1"},
		"a quote that stays open":     {proxy, list(`for=192.0.2.1;x="`), "10.0.0.1"},
		"an escape outside of quotes": {proxy, list(`for=192.0.2.1\`), "10.0.0.1"},
		"an escaped quote outside":    {proxy, list(`for=192.0.2.1;x=\"`), "10.0.0.1"},
		"escaped last quote":          {proxy, list(`for=192.0.2.1;x="\"`), "10.0.0.1"},
		"flaw beside the address":     {proxy, list("for=192.0.2.1;x"), "10.0.0.1"},
		"flaw before the address":     {proxy, list("x y=1;for=192.0.2.1"), "10.0.0.1"},
		"element of 257 bytes":        {proxy, list("x=" + strings.Repeat("x", 257-len("x=;for=192.0.2.1")) + ";for=192.0.2.1"), "10.0.0.1"},
		"element of 256 bytes":        {proxy, list("x=" + strings.Repeat("x", 256-len("x=;for=192.0.2.1")) + ";for=192.0.2.1"), client},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"X-Forwarded-For": {"198.51.100.99"}}
			if test.values != nil {
				header["Forwarded"] = test.values
			}
			require.Equal(t, test.want, text(p.client(t, test.peer, header)))
		})
	}
}

// text is empty for the zero Addr.
func text(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

func peer(remote string) netip.Addr {
	parsed, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return parsed.Addr().Unmap()
}

// FuzzForwarded: whatever a header holds, the client is the peer or an address that stands in the
// header; and what a trusted proxy appended is all that counts.
func FuzzForwarded(f *testing.F) {
	for _, value := range []string{
		client, "198.51.100.1, [2001:db8::1]:1, 10.0.0.2", `for="[2001:db8::1]:1";proto=https, for=10.0.0.2`,
		`for="a\",b";x=", for=unknown`, `for="\[2001:db8::1\]:_p1"`, ",,;=\"\\%", "::ffff:10.0.0.1,fe80::1%eth0",
	} {
		f.Add(value, "10.0.0.2", true)
		f.Add(value, "for=10.0.0.2", false)
	}
	byHeader := map[server.ProxyHeader]*proxied{}
	for _, header := range []server.ProxyHeader{server.XForwardedFor, server.Forwarded} {
		byHeader[header] = newProxied(f, server.WithTrustedProxies(header, trusted...))
	}
	f.Fuzz(func(t *testing.T, first, second string, joined bool) {
		values := []string{first, second}
		if joined {
			values = []string{first + "," + second}
		}
		for header, p := range byHeader {
			in := func(values ...string) http.Header { return http.Header{string(header): values} }
			seen := p.client(t, proxy, in(values...))
			if seen != peer(proxy) {
				require.Contains(t, addressesIn(first+","+second), seen)
			}
			require.Equal(t, peer("203.0.113.9:1"), p.client(t, "203.0.113.9:1", in(values...)))

			appended := client
			if header == server.Forwarded {
				appended = `for="` + client + `:1";by="[2001:db8:f::1]"`
			}
			require.Equal(t, client, p.client(t, proxy, in(first, second+", "+appended)).String())
			require.Equal(t, client, p.client(t, proxy, in(first, second, appended)).String())
		}
	})
}

// addressesIn finds every address that could be meant in a text.
func addressesIn(text string) map[netip.Addr]bool {
	found := map[netip.Addr]bool{}
	text = strings.ReplaceAll(text, `\`, "") // an escape stands for what comes after it
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;=\"[] \t", r) }) {
		host, _, _ := strings.Cut(word, ":")
		for _, candidate := range []string{word, host} {
			if address, err := netip.ParseAddr(candidate); err == nil {
				found[address.Unmap()] = true
			}
		}
	}
	return found
}

func ExampleWithTrustedProxies() {
	// The load balancers append the address they were called from to X-Forwarded-For.
	_, _ = server.Handler(service{},
		server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithTrustedProxies(server.XForwardedFor, netip.MustParsePrefix("10.0.0.0/8")),
	)
}
