package http

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The module's limits (oracle: client-constants.json http).
const (
	timeout      = 60 * clock.Second
	maxResponse  = 0x2000 // bytes with a terminating zero
	maxHost      = 127
	maxRedirects = 20
	userAgent    = "ESP8266"
)

// sizeRequest is the size of request_args_t in bytes (fw: app/http/httpclient.c).
const sizeRequest = 64

// target is what a request is made of.
type target struct {
	url           string
	method        string
	headers, body *string // nil: none
	redirects     int     // that have led here
}

// request is one request under way (fw: request_args_t).
type request struct {
	sockets.Object
	m *module
	target
	host   string
	port   int
	path   string
	secure bool // with TLS
	conn   *espconn.Conn
	timer  *ets.Timer
	buffer []byte // what has been received

	explained bool // the cause of a failure is known

	blocks                      []heap.Block
	headersAt, bodyAt, bufferAt heap.Block
}

func (m *module) take(n int) heap.Block {
	return m.d.Unchecked(n, "http has no memory for a request of its own")
}

func (m *module) give(b *heap.Block) { m.d.Free(b, heap.Other) }

// String names the request for people.
func (r *request) String() string { return fmt.Sprintf("http request %d", r.ID) }

// Callbacks lists the callback, which is that of all requests.
func (r *request) Callbacks() []sockets.Callback {
	if r.m.callback == 0 {
		return nil
	}
	return []sockets.Callback{{Name: "callback", Ref: r.m.callback}}
}

// Over reports whether the request has ended.
func (r *request) Over() bool { return !slices.Contains(r.m.open, r) }

// request takes the URL apart and starts a request (fw: http_request).
func (m *module) request(t target) {
	url, secure := t.url, false
	port := 80
	switch {
	case strings.HasPrefix(url, "http://"):
		url = url[len("http://"):]
	case strings.HasPrefix(url, "https://"):
		url, secure, port = url[len("https://"):], true, 443
	default:
		m.fault("URL is not HTTP or HTTPS %s", url)
		return
	}
	host, _, _ := strings.Cut(url, "/")
	path := url[len(host):]
	if path == "" {
		path = "/"
	}
	if len(host) > maxHost {
		m.fault("hostname is too long %s", url)
		return
	}
	if name, number, ok := strings.Cut(host, ":"); ok {
		if port = int(luanum.ParseInt(number)); port == 0 {
			m.fault("Port error %s", url)
			return
		}
		host = name
	}
	if secure && !m.d.Build().SSL {
		m.Hints.Once("http https", "this build has no TLS: http sends an https URL's request as plain text to port %d. [firmware] ssl = true gives one", port)
		secure = false
	}
	m.requestTo(t, host, port, path, secure)
}

// requestTo starts a request (fw: http_raw_request).
func (m *module) requestTo(t target, host string, port int, path string, secure bool) {
	r := &request{Object: m.NewObject(), m: m, target: t, host: host, port: port, path: path, secure: secure}
	m.open = append(m.open, r)
	r.blocks = append(r.blocks, m.take(sizeRequest), m.take(len(host)+1), m.take(len(t.method)+1), m.take(len(path)+1))
	if t.headers != nil {
		r.headersAt = m.take(len(*t.headers) + 1)
		if h := *t.headers; h != "" && !strings.HasSuffix(h, "\r\n") {
			m.Hints.Here("the headers given to http must end with \\r\\n: the next line is glued to the last of them")
		}
	}
	if t.body != nil {
		r.bodyAt = m.take(len(*t.body) + 1)
	}
	r.bufferAt = m.take(1)
	r.timer = m.d.NewTimer(r.timedOut)
	ip, err := m.espconn.Resolve(host, r.resolved)
	switch err {
	case espconn.ErrInProgress:
	case espconn.OK:
		r.resolved(ip, true)
	default:
		if err == espconn.ErrArg {
			m.fault("DNS arg error %s", host)
		} else {
			m.fault("DNS error code %d", err)
		}
		r.resolved(netip.Addr{}, false)
	}
}

// resolved is the end of the look-up (fw: http_dns_callback).
func (r *request) resolved(ip netip.Addr, ok bool) {
	m := r.m
	if !ok {
		m.fault("DNS failed for %s", r.host)
		r.explain(inspect.NoName, r.host)
		m.finish(statusError, "", nil, &heap.Block{})
		r.free()
		return
	}
	r.blocks = append(r.blocks, m.take(espconn.SizeConn), m.take(espconn.SizeTCP))
	r.conn = m.espconn.NewConn(r, r)
	r.conn.RemoteIP, r.conn.RemotePort, r.conn.Secure = ip, uint16(r.port), r.secure
	r.timer.Arm(timeout, false)
	if err := r.conn.Connect(); err != espconn.OK {
		r.explain(inspect.NoConnection, err)
	}
}

// explain says why a request ends with -1, or will. What comes behind the first cause
// follows from it.
func (r *request) explain(why inspect.Cause, details ...any) {
	if !r.explained {
		r.explained = true
		r.m.Hints.Failed("http", r.String(), statusError, why, details...)
	}
}

// Connected sends the head (fw: http_connect_callback).
func (r *request) Connected(c *espconn.Conn) {
	c.Send([]byte(r.head()))
	r.m.give(&r.headersAt)
	r.headers = nil
}

// head makes the request's head.
func (r *request) head() string {
	var b strings.Builder
	headers := ""
	if r.headers != nil {
		headers = *r.headers
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.method, r.path)
	if !containsFold(headers, "Host:") {
		b.WriteString("Host: " + r.host)
		if r.port != 80 && !(r.secure && r.port == 443) {
			fmt.Fprintf(&b, ":%d", r.port)
		}
		b.WriteString("\r\n")
	}
	b.WriteString("Connection: close\r\n" + headers)
	if !containsFold(headers, "User-Agent:") {
		b.WriteString("User-Agent: " + userAgent + "\r\n")
	}
	if r.body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(*r.body))
	}
	b.WriteString("\r\n")
	return b.String()
}

// Sent sends the body when the head is acknowledged (fw: http_send_callback).
func (r *request) Sent(c *espconn.Conn) {
	if r.body == nil {
		return
	}
	if n, inStack := len(*r.body), c.SafeLen(); n > inStack {
		r.m.Hints.Once("http body", "%s: the firmware frees a body at once, so the last %d of its %d bytes come from freed memory: send at most %d bytes", r, n-inStack, n, inStack)
	}
	c.Send([]byte(*r.body))
	r.m.give(&r.bodyAt)
	r.body = nil
}

// Received collects the answer (fw: http_receive_callback).
func (r *request) Received(c *espconn.Conn, data []byte) {
	size := len(r.buffer) + 1 + len(data)
	grown, ok := heap.Block{}, size <= maxResponse
	if ok {
		grown, ok = r.m.d.Malloc(size, heap.Other)
	}
	if !ok {
		r.m.fault("Response too long (%d)", size)
		if size > maxResponse {
			r.explain(inspect.TooLong, maxResponse-1)
		} else {
			r.explain(inspect.NoMemory, size)
		}
		if len(r.buffer) > 0 {
			r.buffer[0] = 0
		}
		c.Disconnect()
		return
	}
	r.m.give(&r.bufferAt)
	r.buffer, r.bufferAt = append(r.buffer, data...), grown
}

// Disconnected is the end of the connection: now the answer is looked at.
func (r *request) Disconnected(*espconn.Conn) { r.ended() }

// Failed is the end by an error (fw: http_error_callback).
func (r *request) Failed(c *espconn.Conn, err espconn.Err) {
	r.m.fault("Disconnected with error: %d", err)
	if len(r.buffer) == 0 {
		r.explain(c.Cause(err))
	}
	r.timedOut()
}

// timedOut is the end of the time (fw: http_timeout_callback).
func (r *request) timedOut() {
	r.m.fault("Connection timeout")
	switch r.conn.Disconnect() {
	case espconn.OK:
		if len(r.buffer) > 0 {
			r.m.Hints.Once("http open", "%s has its answer for long, but the server keeps the connection open: http looks at the answer when the connection ends, or after 60 s", r)
		} else {
			r.explain(inspect.NoAnswer)
		}
	case espconn.ErrInProgress:
	default:
		r.ended()
	}
}

// free gives back what the request holds, and it is over.
func (r *request) free() {
	m := r.m
	r.timer.Disarm()
	for i := range r.blocks {
		m.give(&r.blocks[i])
	}
	r.blocks = r.blocks[:0]
	m.give(&r.headersAt)
	m.give(&r.bodyAt)
	m.give(&r.bufferAt)
	r.buffer = nil
	if i := slices.Index(m.open, r); i >= 0 {
		m.open = slices.Delete(m.open, i, i+1)
	}
}
