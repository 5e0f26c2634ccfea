package endusersetup

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// The web server (fw: app/modules/enduser_setup.c).

const httpPort = 80

// Answers without variable parts (oracle: enduser-behaviour.md 4).
const (
	noContent   = "HTTP/1.1 204 No Content\r\nContent-Length:0\r\nConnection:close\r\n\r\n"
	toPortal    = "HTTP/1.1 302 Moved\r\nLocation: http://nodemcu.portal/\r\nContent-Length:0\r\nConnection:close\r\n\r\n"
	toTrying    = "HTTP/1.1 302 Moved\r\nLocation: /?trying=true\r\nContent-Length:0\r\nConnection:close\r\n\r\n"
	badRequest  = "HTTP/1.1 400 Bad request\r\nContent-Length:0\r\nConnection:close\r\n\r\n"
	notFound    = "HTTP/1.1 404 Not found\r\nContent-Length:10\r\nConnection:close\r\n\r\nNot found\n"
	notAllowed  = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length:0\r\nConnection:close\r\n\r\n"
	serverError = "HTTP/1.1 500 Internal Error\r\nContent-Length:6\r\nConnection:close\r\n\r\nError\n"

	optionsJSON = "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 0\r\n" +
		"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET\r\nAccess-Control-Allow-Age: 300\r\n\r\n"
	optionsOther = "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

	statusHead = "HTTP/1.1 200 OK\r\nCache-control:no-cache\r\nConnection:close\r\nAccess-Control-Allow-Origin: *\r\nContent-type:text/plain\r\nContent-length: %d\r\n\r\n"
	jsonHead   = "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	listHead   = "HTTP/1.1 200 OK\r\nConnection:close\r\nCache-control:no-cache\r\nAccess-Control-Allow-Origin: *\r\nContent-type:application/json\r\nContent-length:%4d\r\n\r\n"
)

// Lines of the firmware's source that onError names (oracle: enduser-behaviour.md 2; the
// others counted from there).
const (
	lineRequest = 1625
	lineMemory  = 1545
	linePage    = 975
	lineAnswer  = 903
)

// closePolls is after how many slow ticks a connection is reset that its client does not
// close.
const closePolls = 15

// errRefused is what the firmware returns to the stack by mistake: a code of its own.
const errRefused = lwip.Err(errUnknown)

// client is one connection.
type client struct {
	m        *module
	conn     *lwip.TCPConn
	request  []byte
	memory   heap.Block
	waits    bool // for the list of networks
	gone     bool // the stack has forgotten the connection
	sentUpTo int  // of the page
}

// startHTTP opens the web server and reads the page.
func (m *module) startHTTP() bool {
	conn := m.Stack.NewTCP()
	if conn == nil {
		return false
	}
	if conn.Bind(lwip.AnyAddr, httpPort) != lwip.OK { // the firmware forgets to free it
		m.Hints.Here("TCP port %d is in use: enduser_setup stops at once, and calls nobody", httpPort)
		return false
	}
	if m.state.http = conn.Listen(); m.state.http == nil {
		conn.Abort()
		return false
	}
	m.state.http.OnAccept = m.accept
	return m.loadPage()
}

func (m *module) accept(conn *lwip.TCPConn) lwip.Err {
	if m.state == nil {
		conn.Abort()
		return lwip.ErrAbort
	}
	c := &client{m: m, conn: conn}
	conn.OnRecv = c.receive
	conn.OnError = func(lwip.Err) { c.gone = true } // which the firmware does not hear of
	conn.NoDelay = true
	return lwip.OK
}

// closeLater leaves the end to the client, for a while (fw: deferred_close).
func (c *client) closeLater() {
	c.conn.SetPoll(func(conn *lwip.TCPConn) lwip.Err {
		conn.SetPoll(nil, 0)
		conn.Abort()
		return lwip.ErrAbort
	}, closePolls)
	c.conn.OnSent = nil
	c.conn.OnRecv = func(conn *lwip.TCPConn, data [][]byte) lwip.Err {
		if data != nil {
			conn.Recved(length(data))
			return lwip.OK
		}
		conn.OnRecv = nil
		conn.SetPoll(nil, 0)
		conn.Close()
		return lwip.OK
	}
}

func length(data [][]byte) (n int) {
	for _, d := range data {
		n += len(d)
	}
	return n
}

// receive takes data of a request, or the client's FIN (fw: enduser_setup_http_recvcb).
func (c *client) receive(conn *lwip.TCPConn, data [][]byte) lwip.Err {
	m := c.m
	if m.state == nil {
		m.d.Free(&c.memory, heap.Other)
		conn.Abort()
		return lwip.ErrAbort
	}
	if data == nil {
		m.stopWaiting(c)
		m.d.Free(&c.memory, heap.Other)
		c.request = nil
		c.closeLater()
		return lwip.OK
	}
	if c.waits {
		m.Hints.Once("enduser waits", "data on a connection that waits for enduser_setup's list of networks is offered to the module again every 125 ms, with an onError each time")
		m.fail(lineRequest, "http_recvcb failed. Unable to send HTML.", errUnknown)
		return errRefused
	}
	grown, ok := m.d.Malloc(sizeRequest+len(c.request)+length(data)+1, heap.Other)
	m.d.Free(&c.memory, heap.Other)
	if !ok {
		c.request = nil
		m.fail(lineRequest, "http_recvcb failed. Unable to send HTML.", errUnknown)
		return errRefused
	}
	c.memory = grown
	for _, d := range data {
		c.request = append(c.request, d...)
	}
	conn.Recved(length(data))
	switch whole, bad := complete(&c.request); {
	case bad:
		m.fail(lineRequest, "http_recvcb failed. Unable to send HTML.", errUnknown)
		m.d.Crash("enduser_setup refuses a packet that it has freed: a chunk of the request is not followed by an empty line")
		return lwip.OK
	case whole:
		request, memory := string(c.request), c.memory
		c.request, c.memory = nil, heap.Block{}
		c.serve(request)
		m.d.Free(&memory, heap.Other)
	}
	return lwip.OK
}

// serve answers a request. It looks at beginnings only, and as far as the first zero byte.
func (c *client) serve(request string) {
	m, text := c.m, vm.CString(request)
	path, get := strings.CutPrefix(text, "GET ")
	is := func(prefix string) bool { return strings.HasPrefix(path, prefix) }
	switch {
	case get && (is("/ ") || is("/?")):
		c.servePage()
		return
	case get && is("/aplist"):
		if !m.state.connecting {
			c.wait()
			return
		}
		c.send(noContent)
	case get && is("/status.json"):
		c.send(m.statusJSON())
	case get && is("/status"):
		c.send(m.status())
	case get && is("/update?"):
		if m.credentials(text) {
			c.send(toPortal)
		} else {
			c.send(badRequest)
		}
	case get:
		c.send(toPortal)
	case strings.HasPrefix(text, "OPTIONS "):
		path = strings.TrimPrefix(text, "OPTIONS ")
		if is("/aplist") || is("/setwifi?") || is("/status.json") {
			c.send(optionsJSON)
		} else {
			c.send(optionsOther)
		}
	case strings.HasPrefix(text, "POST /setwifi "):
		_, body, _ := strings.Cut(text, "\r\n\r\n")
		if m.credentials(body) {
			m.writeForm(body)
			c.send(toTrying)
		} else {
			c.send(badRequest)
		}
	case strings.HasPrefix(text, "POST "):
		c.send(notFound)
	default:
		c.send(notAllowed)
	}
	c.closeLater()
}

// send queues an answer.
func (c *client) send(answer string) {
	if c.conn.Write([]byte(answer)) != lwip.OK {
		c.closeLater()
		c.m.fail(lineAnswer, "http_serve_header failed on tcp_write", errUnknown)
	}
}

// station is the state that clients are told: what was remembered goes before the
// station's own.
func (m *module) station() radio.StationStatus {
	if m.state.last > 0 {
		return m.state.last
	}
	return m.d.Radio.Station.Status()
}

// address is the station's address at the moment, 0.0.0.0 without one.
func (m *module) address() string {
	if p := m.d.Radio.IP(air.StationIf).Prefix; p.IsValid() {
		return p.Addr().String()
	}
	return "0.0.0.0"
}

// status is the state in words.
func (m *module) status() string {
	const maxShown = 31
	ssid := m.d.Radio.Station.Config().SSID
	ssid = ssid[:min(len(ssid), maxShown)]
	text := ""
	switch m.station() {
	case radio.StationIdle:
		text = "Idle."
	case radio.StationConnecting:
		text = fmt.Sprintf(`Connecting to "%s".`, ssid)
	case radio.StationWrongPassword:
		text = fmt.Sprintf(`Failed to connect to "%s" - Wrong password.`, ssid)
	case radio.StationNoAP:
		text = fmt.Sprintf(`Failed to connect to "%s" - Network not found.`, ssid)
	case radio.StationFailed:
		text = "Failed to connect."
	case radio.StationHasIP:
		text = fmt.Sprintf(`Connected to "%s" (%s).`, ssid, m.address())
	default:
		return serverError
	}
	return fmt.Sprintf(statusHead, len(text)) + text
}

// statusJSON is the state as a number.
func (m *module) statusJSON() string {
	status := m.station()
	id := fmt.Sprintf("%06X", m.d.ChipID())
	if status == radio.StationHasIP {
		if m.ip == "" {
			m.ip = m.address()
		}
		id = m.ip
	}
	text := fmt.Sprintf(`{"deviceid":"%s", "status":%d}`, id, status)
	return fmt.Sprintf(jsonHead, len(text)) + text
}

// credentials looks for a name and a password anywhere in a text and has the station use
// them. It reports false when they can't be (fw: enduser_setup_http_handle_credentials).
func (m *module) credentials(text string) bool {
	m.state.success, m.state.last = false, 0
	value := func(key string) (value string, ok bool) {
		_, value, ok = strings.Cut(text, key)
		if i := strings.IndexAny(value, "& "); i >= 0 {
			value = value[:i]
		}
		return value, ok
	}
	ssid, ok := value("wifi_ssid=")
	if !ok {
		return false
	}
	password, _ := value("wifi_password=")
	memory, ok := m.d.Malloc(sizeStation, heap.Other)
	if !ok {
		m.d.Crash("enduser_setup has no memory for the name of a network")
		return false
	}
	const roomName, roomPassword = 32, 64
	name, fits := decode(ssid, roomName)
	pwd, fitsToo := decode(password, roomPassword)
	if !fits || !fitsToo || name == "" {
		return false // the firmware forgets to free the memory
	}
	cfg := radio.StationConfig{SSID: name, Password: pwd}
	m.d.PostTask(ets.Medium, func() { m.configure(cfg, &memory) })
	return true
}

// decode reads a value of a form into room bytes with a terminating zero, and says whether
// it fits (fw: enduser_setup_http_urldecode).
func decode(src string, room int) (text string, fits bool) {
	var out []byte
	i := 0
	for i < len(src) && len(out) < room-1 {
		c := src[i]
		if c == '%' && i+2 < len(src) {
			if b, err := strconv.ParseUint(src[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 3
				continue
			}
		}
		if c == '+' {
			c = ' '
		}
		out = append(out, c)
		i++
	}
	return vm.CString(string(out)), i >= len(src)
}

// wait puts a client on the list of those who wait for the networks around, and scans.
func (c *client) wait() {
	m := c.m
	memory, ok := m.d.Malloc(sizeListener, heap.Other)
	if !ok {
		m.fail(lineMemory, "out of memory", errMemory)
		m.d.Crash("enduser_setup refuses a packet that it has freed, for want of memory")
		return
	}
	s := m.state
	c.memory, c.waits = memory, true
	already := len(s.waiting) > 0
	s.waiting = append([]*client{c}, s.waiting...)
	if !already && !m.d.Radio.Scan(radio.ScanFilter{}, m.listed) {
		c.send(serverError)
		c.closeLater()
		m.forgetWaiting()
	}
}

// stopWaiting takes a client off the list.
func (m *module) stopWaiting(c *client) {
	if !c.waits {
		return
	}
	c.waits = false
	for i, o := range m.state.waiting {
		if o == c {
			m.state.waiting = append(m.state.waiting[:i:i], m.state.waiting[i+1:]...)
			break
		}
	}
}

// forgetWaiting frees the list.
func (m *module) forgetWaiting() {
	for _, c := range m.state.waiting {
		m.d.Free(&c.memory, heap.Other)
	}
	m.state.waiting = nil
}

// listed is the end of a scan: all who wait get the networks (fw: on_scan_done).
func (m *module) listed(found []air.Network, ok bool) {
	if m.state == nil || len(m.state.waiting) == 0 {
		return
	}
	answer := serverError
	if ok {
		// fw: alloc_sz
		const head, entry = 166, 108
		if memory, ok := m.d.Malloc(head+len(found)*entry+3, heap.Other); ok {
			answer = list(found)
			defer m.d.Free(&memory, heap.Other)
		}
	}
	for _, c := range m.state.waiting {
		if c.gone {
			m.d.Crash("enduser_setup sends its list of networks on a connection that the client has reset, which is freed memory")
			return
		}
		if c.conn.Write([]byte(answer)) != lwip.OK {
			c.conn.Abort()
			continue
		}
		c.conn.OnSent = func(*lwip.TCPConn, int) lwip.Err {
			c.closeLater()
			return lwip.OK
		}
	}
	m.forgetWaiting()
}

// list writes the networks as the firmware does: without regard to their bytes, but for
// quotes and backslashes.
func list(found []air.Network) string {
	var b strings.Builder
	for i, n := range found {
		if i > 0 {
			b.WriteByte(',')
		}
		ssid := vm.CString(n.SSID)
		if n.Hidden {
			ssid = ""
		}
		fmt.Fprintf(&b, `{"ssid":"%s","rssi":%d,"chan":%d,"auth":%d}`,
			strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ssid), n.RSSI, n.Channel, n.Auth)
	}
	return fmt.Sprintf(listHead, b.Len()+2) + "[" + b.String() + "]"
}
