package server

import "net/http"

// closeAfter makes a request the last on its connection where a proxy in front may see another end
// of it than net/http does. What comes after that end would be taken for the next request, which
// is how one is smuggled past the proxy.
//
// That is a body that nobody asked for; a chunked one, since net/http drops a Content-Length beside
// Transfer-Encoding without a word, where RFC 9112, section 6.1, wants the connection closed; and
// HTTP/1.0, of which net/http ignores Transfer-Encoding.
func (c *call) closeAfter(r *http.Request) {
	if r.ProtoMajor > 1 {
		return // has frames
	}
	asked := c.operation != nil && c.operation.takesBody()
	if r.TransferEncoding != nil || r.ContentLength != 0 && !asked || !r.ProtoAtLeast(1, 1) {
		c.header.Set("Connection", "close")
	}
}
