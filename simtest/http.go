package simtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// HTTP returns a client of the device's web server, on a desktop computer in its network. The
// URL's port counts; its host, unless it is an address, is only what the request says:
// "http://device/". A request waits until the device listens, so that the first one may come
// right after Boot. Connections are kept alive as far as the device does, and closed with the
// client's CloseIdleConnections.
//
// The client is for the test's goroutine, and for functions of Together. Its Timeout stays
// 0: it would be this computer's. Instead what the device takes longer than Timeout to say is
// an error with Timeout() true.
func (d *Device) HTTP() *http.Client {
	return &http.Client{Transport: &transport{d: d}}
}

// transport is a RoundTripper over the wire of the world.
type transport struct {
	d    *Device
	idle []*httpConn // the last used last
}

// httpConn is a connection with what was read ahead of it.
type httpConn struct {
	*Conn
	r    *bufio.Reader
	used bool
}

// CloseIdleConnections is what the client's method calls.
func (t *transport) CloseIdleConnections() {
	for _, c := range t.idle {
		c.Close()
	}
	t.idle = nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.URL.Scheme != "http" {
		return nil, fmt.Errorf("simtest: %s: the firmware has no server but for http", r.URL)
	}
	for {
		c, err := t.connect(r)
		if err != nil {
			return nil, cause(r, err)
		}
		reused := c.used
		resp, err := c.roundTrip(r)
		if err == nil {
			resp.Body = t.body(c, r, resp)
			return resp, nil
		}
		c.Abort()
		// The device may have closed a connection that was idle before it has seen the request.
		if !reused || !gone(err) || !again(r) {
			return nil, cause(r, err)
		}
		if r.GetBody != nil {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Body = body
		}
	}
}

// cause prefers the reason of the request's own context.
func cause(r *http.Request, err error) error {
	if done := r.Context().Err(); done != nil {
		return done
	}
	return err
}

// gone reports whether a connection ended before its time.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// again reports whether a request can be sent once more, as package http has it.
func again(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	return slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, r.Method)
}

// connect returns a connection for a request: one that is kept alive, or a new one.
func (t *transport) connect(r *http.Request) (*httpConn, error) {
	port := 80
	if p := r.URL.Port(); p != "" {
		port, _ = strconv.Atoi(p) // 0 is none
	}
	cancelled := never
	if r.Context().Done() != nil {
		cancelled = func() bool { return r.Context().Err() != nil }
	}
	var host *peer.Host
	var to netip.AddrPort
	var err error
	if at, isAddr := address(r.URL.Hostname()); isAddr && at != t.d.prefix().Addr() {
		to = netip.AddrPortFrom(at, uint16(port))
		if err = t.d.reason(); err == nil {
			host, err = t.d.desk(t.d.world.Air.RouterPrefix())
		}
	} else {
		host, to, err = t.d.reach(wire.TCP, port, cancelled)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	for i, c := range slices.Backward(t.idle) {
		if c.remote != to {
			continue
		}
		t.idle = slices.Delete(t.idle, i, i+1)
		if c.over == nil && !c.ended && len(c.in) == 0 && c.r.Buffered() == 0 {
			c.cancelled = cancelled
			return c, nil
		}
		c.Close()
	}
	c, err := t.d.dial(host, to, cancelled)
	if err != nil {
		return nil, err
	}
	c.unbounded = true // a body may be longer than what the device takes before it answers
	return &httpConn{Conn: c, r: bufio.NewReader(c)}, nil
}

// address reads the host of a URL that is an IPv4 address.
func address(host string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(host)
	return a, err == nil && a.Is4()
}

// roundTrip sends a request and reads the head of the answer.
func (c *httpConn) roundTrip(r *http.Request) (*http.Response, error) {
	c.used = true
	w := bufio.NewWriter(c.Conn)
	if err := r.Write(w); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	for {
		if _, err := c.r.Peek(1); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(c.r, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// upgraded is a connection that goes on as something else: an io.ReadWriteCloser.
type upgraded struct{ *httpConn }

func (u upgraded) Read(b []byte) (int, error) { return u.r.Read(b) }

// body is that of an answer, whose end gives the connection back.
func (t *transport) body(c *httpConn, r *http.Request, resp *http.Response) io.ReadCloser {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return upgraded{c}
	}
	keep := !resp.Close && !r.Close
	b := &responseBody{ReadCloser: resp.Body}
	b.end = func(whole bool) {
		b.end = func(bool) {}
		if whole && keep && c.p.Pending() == 0 {
			t.idle = append(t.idle, c)
		} else {
			c.Close()
		}
	}
	if resp.Body == http.NoBody {
		b.end(true)
	}
	return b
}

type responseBody struct {
	io.ReadCloser
	end func(whole bool)
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(err == io.EOF)
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.end(false)
	return nil
}

// ServeHTTP makes a web server of a port of a host, for the device to call. handler gets the
// requests of a connection one after the other, as a function of Serve; reading a body may
// wait. Its answer goes out, whole and with its length, when it returns.
func (d *Device) ServeHTTP(host *peer.Host, port int, handler http.Handler) {
	d.t.Helper()
	d.Serve(host, port, func(c *Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			r.RemoteAddr = c.RemoteAddr().String()
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			resp := rec.Result()
			resp.ProtoMajor, resp.ProtoMinor = 1, r.ProtoMinor
			resp.Request, resp.ContentLength = r, int64(rec.Body.Len())
			resp.Close = r.Close
			if err := resp.Write(c); err != nil || r.Close {
				return
			}
		}
	})
}
