package contract

import "regexp"

// traced finds a trace id that another call had. Calls of one trace say so.
func (x *exchange) traced() {
	id := x.response.Header.Get(traceHeader)
	if id == "" || x.r.Header.Get("Traceparent") != "" {
		return
	}
	c := x.c
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if id = x.host() + "\n" + id; c.traces.get(id) {
		x.find(ruleTraceRepeated, "header "+traceHeader, 0, "an id that no other call had", nil)
	}
	c.traces.put(id, true)
}

// insides are what the runtimes of common languages and databases write when something fails.
var insides = regexp.MustCompile(`(?i)goroutine [0-9]+ \[|runtime error:|panic:|\berrors\.[A-Za-z]+String|\.(go|py|js|ts|java|rb|php|cs|rs):[0-9]+|` +
	`cannot unmarshal|invalid character '|\*[a-z][a-z0-9]*\.[a-z]\w*|traceback \(most|\bat [a-z_$][\w$]*\.[\w$.]+\(|[a-z]+exception\b|sqlstate|no rows in result`)

// internals finds what an error tells of the server's program.
func (x *exchange) internals(where int) {
	object, _ := x.received.value.(map[string]any)
	if x.response.StatusCode >= 400 && insides.MatchString(text(object, "message")) {
		x.find(ruleInternals, "/message", where, "words for the caller, and nothing of the program", nil)
	}
}
