package wire

import "net/http"

// EndUnclear tells whether a proxy in front may see another end of a request than net/http does. The
// request must be the last on its connection then: what comes after that end would be taken for the
// next one, which is how a request is smuggled past the proxy.
//
// That is a request with a body that nobody asked for; with a chunked one, since net/http drops a
// Content-Length beside Transfer-Encoding without a word, where RFC 9112, section 6.1, wants the
// connection closed; and HTTP/1.0, of which net/http ignores Transfer-Encoding.
func EndUnclear(r *http.Request, takesBody bool) bool {
	if r.ProtoMajor > 1 {
		return false // has frames
	}
	return r.TransferEncoding != nil || r.ContentLength != 0 && !takesBody || !r.ProtoAtLeast(1, 1)
}
