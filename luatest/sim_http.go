package luatest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// HTTP over the connections of tests: sim.http, conn:http, and listener:respond. What came
// is read by net/http, from the beginning each time more has come.

// httpLimit is how long an answer or a request may be, and requestLimit how many requests a
// listener keeps.
const (
	httpLimit    = 1 << 20
	requestLimit = 1000
)

// httpRequest is what a test asks the device for.
type httpRequest struct {
	port    uint16
	text    []byte
	method  string
	limit   clock.Duration
	try     bool
	display string // "GET /path"
}

var httpFields = []string{"method", "path", "headers", "body", "timeout", "try"}

// requestOf reads the table that sim.http and conn:http take.
func (r *run) requestOf(c *vm.Call, n int, what string, names ...string) (q httpRequest) {
	c.Table(n)
	o := optionsOf(c, n, what, append(names, httpFields...)...)
	q.port = uint16(o.whole("port", 1, 65535, 80))
	q.limit, q.try = o.timeout(), o.flag("try")
	q.method = strings.ToUpper(o.text("method", "GET"))
	path, body := o.text("path", "/"), o.text("body", "")
	if q.method == "" || strings.ContainsAny(q.method, " \r\n\x00") {
		o.wrong("method", "a word, such as \"POST\"")
	}
	if path == "" || strings.ContainsAny(path, " \r\n\x00") {
		o.wrong("path", "a path without blanks (write them as %20), such as \"/\"")
	}
	q.display = q.method + " " + path
	host, _ := address(r.d)
	headers := [][2]string{{"Host", host.Addr().String()}}
	if !host.IsValid() {
		headers[0][1] = "device"
	}
	if slices.Contains(names, "port") {
		headers = append(headers, [2]string{"Connection", "close"})
	}
	if body != "" || q.method == "POST" || q.method == "PUT" || q.method == "PATCH" {
		headers = append(headers, [2]string{"Content-Length", fmt.Sprint(len(body))})
	}
	headers = mergeHeaders(o, headers, "headers")
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", q.method, path)
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n" + body)
	q.text = b.Bytes()
	return q
}

// mergeHeaders puts the headers of a table in the place of defaults of the same names, and
// behind them. One that is "" takes the default away.
func mergeHeaders(o *options, headers [][2]string, name string) [][2]string {
	for _, h := range o.pairs(name) {
		if h[0] == "" || strings.ContainsAny(h[0], " :\r\n\x00") || strings.ContainsAny(h[1], "\r\n\x00") {
			o.c.Error("%s: the header %q is none: names have no blanks and colons, values no line ends (sim.connect sends what you like)", o.what, h[0])
		}
		at := slices.IndexFunc(headers, func(x [2]string) bool { return strings.EqualFold(x[0], h[0]) })
		switch {
		case at >= 0 && h[1] == "":
			headers = slices.Delete(headers, at, at+1)
		case at >= 0:
			headers[at] = h
		default:
			headers = append(headers, h)
		}
	}
	return headers
}

// answer is an HTTP answer, as tests see it; ok is false as long as it is not complete.
func readAnswer(k *conn, method string) (answer row, used int, ok bool, err error) {
	if len(k.in.data) == 0 || !bytes.Contains(k.in.data, []byte("\n")) {
		return nil, 0, false, nil
	}
	raw := bytes.NewReader(k.in.data)
	in := bufio.NewReader(raw)
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	incomplete := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
	switch {
	case err != nil && incomplete(err) && k.in.ended == "":
		return nil, 0, false, nil
	case err != nil:
		return nil, 0, false, err
	}
	body, err := io.ReadAll(res.Body)
	chunked := slices.Contains(res.TransferEncoding, "chunked")
	switch {
	case err != nil && incomplete(err) && k.in.ended == "":
		return nil, 0, false, nil
	case err != nil:
		return nil, 0, false, fmt.Errorf("the body ends early: %w", err)
	case res.ContentLength < 0 && !chunked && k.in.ended == "": // its end is the connection's
		return nil, 0, false, nil
	}
	if chunked { // the trailer's end
		res.Body.Close()
	}
	_, reason, _ := strings.Cut(res.Status, " ")
	return row{
		{"status", res.StatusCode}, {"reason", reason}, {"version", fmt.Sprintf("%d.%d", res.ProtoMajor, res.ProtoMinor)},
		{"headers", headersOf(res.Header)}, {"body", body},
	}, len(k.in.data) - raw.Len() - in.Buffered(), true, nil
}

// headersOf are headers with names in lower case, sorted; of several with the same name the
// values are joined by commas.
func headersOf(h http.Header) row {
	var out row
	for name, values := range h {
		out = append(out, field{strings.ToLower(name), strings.Join(values, ", ")})
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return out
}

// exchange sends a request and gives the answer. done is told why there is none.
func (r *run) exchange(w *waiter, k *conn, q httpRequest, done func(answer any, why string)) {
	k.limit = httpLimit
	k.hold()
	w.late = func() { done(nil, fmt.Sprintf("no complete answer within %s, came %s", w.passed(), quoted(k.in.data))) }
	if _, err := k.tcp.Write(q.text); err != nil {
		done(nil, "the request cannot be sent: "+k.in.ended)
		return
	}
	k.in.changed.add(w, func() {
		answer, used, ok, err := readAnswer(k, q.method)
		switch {
		case err != nil:
			done(nil, fmt.Sprintf("the answer is no HTTP: %v; came %s", err, quoted(k.in.data)))
		case ok:
			k.in.take(used)
			done(answer, "")
		case len(k.in.data) >= httpLimit:
			done(nil, fmt.Sprintf("the answer is longer than %d bytes", httpLimit))
		case k.in.ended != "":
			done(nil, fmt.Sprintf("%s before there was an answer, came %s", k.in.ended, quoted(k.in.data)))
		}
	})
}

// answered goes on with a test that has made a request.
func (w *waiter) answered(what string, q httpRequest, answer any, why string) {
	switch {
	case why == "":
		w.values(answer)
	case q.try:
		w.values(nil, why)
	default:
		w.fail("%s: %s: %s", what, q.display, why)
	}
}

// simHTTP has sim.http.
func (r *run) simHTTP() []vm.Func {
	return []vm.Func{{Name: "http", Fn: func(c *vm.Call) int {
		q := r.requestOf(c, 1, "sim.http", "port")
		r.room(c)
		return r.await(c, q.limit, func(w *waiter) {
			r.connect(w, q.port, func(k *conn, why string) {
				if k == nil {
					w.answered("sim.http", q, nil, why)
					return
				}
				r.exchange(w, k, q, func(answer any, why string) {
					w.answered("sim.http", q, answer, why)
					if why == "" {
						k.tcp.Close()
					} else {
						k.tcp.Abort()
					}
				})
			})
		})
	}}}
}

// httpOn is conn:http, which leaves the connection open.
func (r *run) httpOn(c *vm.Call, k *conn) int {
	q := r.requestOf(c, 2, "conn:http")
	return r.await(c, q.limit, func(w *waiter) {
		r.exchange(w, k, q, func(answer any, why string) { w.answered("conn:http", q, answer, why) })
	})
}

// respond is listener:respond(table, string or function).
func (r *run) respond(c *vm.Call, l *listener) int {
	var fixed []byte
	var fn vm.Ref
	switch x := c.Arg(2).(type) {
	case *vm.Function:
		fn = c.VM.Ref(x, "respond function of a test")
	case *vm.Table, vm.String:
		fixed = responseOf(c, 2)
	default:
		c.ArgError(2, "a table with status, headers and body, a string as body, or a function that returns one for a request")
	}
	l.answer = func(k *conn) { r.serve(l, k, fixed, fn) }
	for _, k := range l.waiting {
		l.answer(k)
	}
	l.waiting = nil
	c.SetTop(1)
	c.PushCopy(1)
	return 1
}

// responseOf is argument n, an answer, as bytes.
func responseOf(c *vm.Call, n int) []byte {
	status, body, headers := 200, "", [][2]string(nil)
	o := &options{c: c, what: "respond"}
	if text, ok := c.Arg(n).(vm.String); ok {
		body = string(text)
	} else {
		c.Table(n)
		o = optionsOf(c, n, "respond", "status", "headers", "body")
		status, body = o.whole("status", 100, 999, 200), o.text("body", "")
	}
	headers = mergeHeaders(o, [][2]string{{"Content-Length", fmt.Sprint(len(body))}}, "headers")
	reason := http.StatusText(status)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, reason)
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// serve answers the requests that come on a connection, one after the other.
func (r *run) serve(l *listener, k *conn, fixed []byte, fn vm.Ref) {
	k.limit = httpLimit
	busy := false
	var next func()
	next = func() {
		if busy || k.over || !bytes.Contains(k.in.data, []byte("\n")) {
			return
		}
		raw := bytes.NewReader(k.in.data)
		in := bufio.NewReader(raw)
		req, err := http.ReadRequest(in)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(req.Body)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || len(k.in.data) >= httpLimit {
				k.tcp.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
				k.tcp.Close()
				k.in.data, busy = nil, true
			}
			return
		}
		k.in.take(len(k.in.data) - raw.Len() - in.Buffered())
		asked := row{
			{"method", req.Method}, {"path", req.RequestURI}, {"version", fmt.Sprintf("%d.%d", req.ProtoMajor, req.ProtoMinor)},
			{"host", req.Host}, {"headers", headersOf(req.Header)}, {"body", body},
		}
		if l.kept += len(body); len(l.requests) < requestLimit && l.kept <= keepLimit {
			l.requests = append(l.requests, asked)
		}
		l.changed.tell()
		reply := func(data []byte) {
			busy = false
			k.tcp.Write(data)
			if req.Close {
				k.tcp.Close()
				return
			}
			next()
		}
		busy = true
		if fn == 0 {
			reply(fixed)
			return
		}
		r.ask(fn, asked, reply)
	}
	k.in.changed.list = append(k.in.changed.list, change{&waiter{}, next})
	next()
}

// ask calls a test's function with a request, as a task of the device, and gives its answer.
func (r *run) ask(fn vm.Ref, asked row, reply func([]byte)) {
	v := r.lua()
	r.work(func() {
		if r.lua() != v || v == nil {
			return
		}
		var data []byte
		r.sim.next = func(c *vm.Call, _ *vm.Thread) {
			c.SetTop(0)
			c.Push(c.VM.Deref(fn))
			pushValue(c, asked)
			c.CallTop(1, 1)
			switch c.Arg(1).(type) {
			case *vm.Table, vm.String:
				data = responseOf(c, 1)
			default:
				c.Error("the function of listener:respond returned a %s: it returns a table with status, headers and body, or a string", c.TypeName(1))
			}
		}
		if _, err := r.call("respond function of a test", r.sim.resume, 0); err != nil {
			r.failCallback(err)
			data = []byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
		reply(data)
	})
}

// failCallback notes that a function that a test has given to sim has failed. The test goes
// on.
func (r *run) failCallback(err *vm.Error) {
	r.fail(Broken, r.f.failureAt(err.Message(), trim(err.Traceback)))
}

// expectRequest is listener:expect([path [, timeout]]): the next request of which
// nobody was told.
func (r *run) expectRequest(c *vm.Call, l *listener) int {
	path := ""
	if !c.IsNoneOrNil(2) {
		path = c.String(2)
	}
	if l.answer == nil {
		c.Error("nobody answers there: call listener:respond before listener:expect, or take connections with listener:accept")
	}
	return r.await(c, timeout(c, 3), func(w *waiter) {
		seen := func() string {
			var list []string
			for _, q := range l.requests[min(l.told, len(l.requests)):] {
				list = append(list, fmt.Sprintf("%v %v", q.(row)[0].value, q.(row)[1].value))
			}
			if len(list) == 0 {
				return "nothing"
			}
			return strings.Join(list, ", ")
		}
		w.late = func() {
			want := "a request"
			if path != "" {
				want = fmt.Sprintf("a request for %q", path)
			}
			w.failCompared(want, seen(), "expected %s at %v, port %d, within %s, came %s", want, l.host.Addr(), l.port, w.passed(), seen())
		}
		l.changed.add(w, func() {
			for i := l.told; i < len(l.requests); i++ {
				q := l.requests[i].(row)
				if path == "" || q[1].value == path || strings.HasPrefix(q[1].value.(string), path+"?") {
					l.told = i + 1
					w.values(q)
					return
				}
			}
		})
	})
}
