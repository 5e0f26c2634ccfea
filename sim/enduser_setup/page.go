package endusersetup

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// builtIn is the page that is used where there is none in flash: page.html, packed, with as
// many bytes as the firmware's own, so that segments and memory are the same.
//
//go:generate go run gzip.go
//go:embed page.html.gz
var builtIn []byte

const (
	pageHead = "HTTP/1.1 200 OK\r\nCache-control:no-cache\r\nConnection:close\r\nContent-Type:text/html; charset=utf-8\r\n"
	gzipHead = "Content-Encoding: gzip\r\n"
	pageEnd  = "Content-length:%5d\r\n\r\n"
)

// pages are the files with a page of the user's own, the first one counts.
var pages = []string{"enduser_setup.html.gz", "enduser_setup.html"}

// loadPage reads the page, and reports whether there was memory for it (fw:
// enduser_setup_http_load_payload).
func (m *module) loadPage() bool {
	s := m.state
	var file *flash.Handle
	for _, name := range pages {
		if h, err := m.d.Flash.Open(name, flash.Read); err == nil {
			file = h
			break
		}
	}
	const fromStart, fromEnd = 0, 2
	body, size := builtIn, len(builtIn)
	if file != nil {
		size, _ = file.Seek(0, fromEnd)
		file.Seek(0, fromStart)
		body, _ = file.ReadUntil(2, -1)
	}
	head := pageHead
	if len(body) >= 2 && body[0] == 0x1f && body[1] == 0x8b {
		head += gzipHead
	}
	head += fmt.Sprintf(pageEnd, size)
	var ok bool
	if s.pageMemory, ok = m.d.Malloc(len(head)+size, heap.Other); !ok {
		return false // the firmware leaves the file open
	}
	if file != nil {
		file.Seek(0, fromStart)
		body, _ = file.ReadUntil(size, -1)
		file.Close()
	}
	s.page = append([]byte(head), body...)
	s.page = append(s.page, make([]byte, len(head)+size-len(s.page))...) // what can't be read
	return true
}

// freePage gives the page's memory back. The next client has it read again.
func (m *module) freePage() {
	m.d.Free(&m.state.pageMemory, heap.Other)
	m.state.page = nil
}

// servePage begins to send the page: as much as the send buffer takes, however long the
// page is (fw: enduser_setup_http_serve_html).
func (c *client) servePage() {
	m := c.m
	if m.state.page == nil && !m.loadPage() {
		m.d.Crash("enduser_setup has no memory for the page and reads from address 0")
		return
	}
	n := c.conn.SendSpace()
	if size := len(m.state.page); size < n {
		m.Hints.Once("enduser short", "the page of enduser_setup has %d bytes with its head: the firmware sends %d and more, and what follows the page is memory behind it", size, n)
	}
	c.sentUpTo = n
	c.conn.OnRecv = nil
	c.conn.OnSent = c.sent
	if c.conn.WriteShared(m.piece(0, n)) != lwip.OK {
		m.fail(linePage, "http_serve_html failed. tcp_write failed", errUnknown)
		m.fail(lineRequest, "http_recvcb failed. Unable to send HTML.", errUnknown)
		m.d.Crash("enduser_setup refuses a packet that it has freed, for want of memory")
	}
}

// piece is n bytes of the page, and of the memory behind it, which is zero here.
func (m *module) piece(from, n int) []byte {
	page := m.state.page
	rest := page[min(from, len(page)):]
	out := slices.Clone(rest[:min(n, len(rest))])
	return append(out, make([]byte, n-len(out))...)
}

// sent goes on with the page (fw: streamout_sent).
func (c *client) sent(conn *lwip.TCPConn, _ int) lwip.Err {
	m := c.m
	if m.state == nil || m.state.page == nil {
		if m.state != nil {
			m.Hints.Once("enduser two", "two clients load the page of enduser_setup at a time: when the first one has it, the other one is reset")
		}
		conn.Abort()
		return lwip.ErrAbort
	}
	n := conn.SendSpace()
	if left := len(m.state.page) - c.sentUpTo; left >= 0 { // else the firmware's number wraps
		n = min(n, left)
	}
	if conn.WriteShared(m.piece(c.sentUpTo, n)) != lwip.OK {
		conn.Abort()
		return lwip.ErrAbort
	}
	if c.sentUpTo += n; c.sentUpTo >= len(m.state.page) {
		c.closeLater()
		m.freePage()
	}
	return lwip.OK
}
