package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Times and limits (oracle: client-constants.json websocket).
const (
	connectTime    = 10 * clock.Second
	pingTime       = 30 * clock.Second
	forceCloseTime = 5 * clock.Second
	maxUnhealthy   = 2
	maxHost        = 255
	maxPort        = 65535
)

// Codes of close.
const (
	codeScheme       = -1
	codeHost         = -2
	codePort         = -3
	codeNoHost       = -4
	codeDNS          = -5
	codePeer         = -6
	codeKey          = -7
	codeAppend       = -8
	codeFrame        = -9
	codeFragment     = -10
	codeMoreFragment = -11
	codeJoin         = -12
	codePayload      = -13
	codeRest         = -14
	codeContinuation = -15
	codeSend         = -16
	codeNot101       = -17
	codeConnect      = -18
	codeNoPong       = -19
	codeClosed       = -99
	codeCollected    = -100
)

// arm sets the client's one timer.
func (s *client) arm(fn func(), period clock.Duration, repeat bool) {
	s.timer.Disarm()
	s.onTimer = fn
	s.timer.Arm(period, repeat)
}

// open takes the URL apart and begins the connection (fw: ws_connect).
func (s *client) open(url string) {
	m := s.m
	port := 80
	switch l := lower(url); {
	case strings.HasPrefix(l, "wss://"):
		s.secure, port, url = true, 443, url[len("wss://"):]
	case strings.HasPrefix(l, "ws://"):
		s.secure, url = false, url[len("ws://"):]
	default:
		s.failed(codeScheme)
		return
	}
	host, path, hasPath := strings.Cut(url, "/")
	path = "/" + path
	if len(host) > maxHost {
		if !hasPath {
			m.d.Crash("websocket: a host name of %d bytes without a path behind it overwrites the stack: there is room for %d", len(host), maxHost)
			return
		}
		s.failed(codeHost)
		return
	}
	if name, number, ok := strings.Cut(host, ":"); ok {
		if port = int(luanum.ParseInt(number)); port <= 0 || port > maxPort {
			s.failed(codePort)
			return
		}
		host = name
	}
	if host == "" {
		s.failed(codeNoHost)
		return
	}
	if s.conn != nil {
		m.Hints.Here("%s: connect() while the old connection is still being closed: the firmware mixes the two up. Wait for the close event", s)
		s.forget()
	}
	s.state = resolving
	s.host, s.port, s.path = host, port, path
	s.accept, s.upgraded, s.closeSent, s.code, s.unhealthy = "", false, false, 0, 0
	s.frames.reset()
	s.blocks = append(s.blocks, m.take(len(host)+1), m.take(len(path)+1), m.take(espconn.SizeConn), m.take(espconn.SizeTCP))
	conn := m.espconn.NewConn(s, s)
	conn.RemotePort = uint16(port)
	s.conn = conn
	ip, err := m.espconn.Resolve(host, func(ip netip.Addr, ok bool) { s.resolved(conn, ip, ok) })
	if err == espconn.ErrInProgress {
		return
	}
	if err != espconn.OK {
		m.Hints.Here("four names are being looked up already: websocket connects to whatever address lies in its memory")
		ip = netip.IPv4Unspecified()
	}
	s.resolved(conn, ip, true)
}

// resolved is the end of the look-up (fw: dns_callback).
func (s *client) resolved(conn *espconn.Conn, ip netip.Addr, ok bool) {
	if s.Dead || s.conn != conn || s.state == closed {
		return
	}
	if !ok {
		s.code = codeDNS
		s.over()
		return
	}
	s.state = connecting
	conn.RemoteIP = ip
	s.arm(func() { s.code = codeConnect; s.over() }, connectTime, false)
	if s.secure && !s.m.d.Build().SSL {
		return // nothing happens
	}
	conn.Secure = s.secure
	if err := conn.Connect(); err != espconn.OK {
		s.m.Hints.Once(fmt.Sprintf("websocket connect %d", err), "%s: no connection is begun (the firmware's layer says %d), which the module notices after its 10 s only", s, err)
	}
}

// Connected asks the server to change the protocol (fw: connect_callback).
func (s *client) Connected(c *espconn.Conn) {
	m := s.m
	s.state = connected
	var random [16]byte
	for i := range random {
		random[i] = byte(m.d.Random())
	}
	key := base64.StdEncoding.EncodeToString(random[:])
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	s.accept = base64.StdEncoding.EncodeToString(sum[:])
	s.blocks = append(s.blocks, m.take(len(s.accept)+1))
	c.Send([]byte(s.request(key)))
}

// request is the head that asks for the websocket. Of several headers of one name, the
// first counts.
func (s *client) request(key string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n", s.path, s.host, s.port)
	given := map[string]bool{}
	for _, list := range [][]header{
		{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Key", key}, {"Sec-WebSocket-Version", "13"}},
		s.headers,
		{{"User-Agent", "ESP8266"}, {"Sec-WebSocket-Protocol", "chat"}},
	} {
		for _, h := range list {
			if name := lower(h.name); !given[name] {
				given[name] = true
				b.WriteString(h.name + ": " + h.value + "\r\n")
			}
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

// Received takes a segment: the server's answer, then frames.
func (s *client) Received(_ *espconn.Conn, data []byte) {
	if s.upgraded {
		s.frames.take(data)
		return
	}
	s.answered(data)
}

// answered looks at the server's answer (fw: ws_initReceiveCallback).
func (s *client) answered(data []byte) {
	head := vm.CString(string(data))
	switch {
	case !strings.Contains(head, "HTTP/1.1 101"):
		s.disconnect(codeNot101)
		return
	case !strings.Contains(head, s.accept):
		s.disconnect(codeKey)
		return
	}
	s.arm(s.ping, pingTime, true)
	s.upgraded = true
	if s.onConnection != 0 {
		s.m.Protected("websocket connection", s.m.v.Deref(s.onConnection), s.Value())
	}
	if end := strings.Index(head, "\r\n\r\n"); end >= 0 && len(data) > end+4 {
		s.frames.take(data[end+4:])
	}
}

// disconnect ends the connection for a reason.
func (s *client) disconnect(code int) {
	s.code = code
	s.conn.Disconnect()
}

// sendFrame sends one frame (fw: ws_sendFrame).
func (s *client) sendFrame(op int, data string) {
	if s.state != connected {
		return
	}
	m := s.m
	buffer, ok := m.d.Malloc(10+len(data), heap.Other)
	if !ok {
		s.disconnect(codeSend)
		return
	}
	frame := []byte{0x80 + byte(op)}
	if n := len(data); n < 126 {
		frame = append(frame, 0x80+byte(n))
	} else {
		frame = append(frame, 0x80+126, byte(n>>8), byte(n))
	}
	mask := [4]byte{byte(m.d.Random()), byte(m.d.Random()), byte(m.d.Random()), byte(m.d.Random())}
	frame = append(frame, mask[:]...)
	for i := range len(data) {
		frame = append(frame, data[i]^mask[i%4])
	}
	switch err := s.conn.Send(frame); {
	case err == espconn.ErrMaxNum:
		m.Hints.Here("%s: the last frame is not acknowledged yet, so this one (opcode %d, %d bytes) is lost: the firmware sends one at a time and does not say when that is through; wait for an answer or some 100 ms", s, op, len(data))
	case len(frame) > s.conn.SafeLen():
		m.Hints.Here("%s: the firmware frees a frame at once, so of its %d bytes the last %d come from freed memory: send less than %d bytes at a time", s, len(frame), len(frame)-s.conn.SafeLen(), s.conn.SafeLen()-8)
	}
	m.d.Free(&buffer, heap.Other)
}

// ping keeps the connection alive, or finds out that it is dead (fw: ws_sendPingTimeout).
func (s *client) ping() {
	if s.unhealthy == maxUnhealthy {
		s.disconnect(codeNoPong)
		return
	}
	s.sendFrame(opPing, "")
	s.unhealthy++
}

// Sent ends the connection when the answer to the server's close frame has arrived (fw:
// ws_closeSentCallback).
func (s *client) Sent(c *espconn.Conn) {
	if s.closeSent {
		s.disconnect(codePeer)
	}
}

// forceClose ends a connection whose server does not (fw: ws_forceCloseTimeout).
func (s *client) forceClose() {
	if s.state != idle && s.state != closed {
		s.conn.Disconnect()
	}
}

// Disconnected is the end of the connection.
func (s *client) Disconnected(*espconn.Conn) { s.over() }

// Failed is the end by an error (fw: error_callback).
func (s *client) Failed(_ *espconn.Conn, err espconn.Err) {
	s.code = int(err) - 100
	s.over()
}

// forget leaves the connection to itself: nobody hears of it any more.
func (s *client) forget() {
	if s.conn != nil {
		s.conn.Handler, s.conn.Owner = deaf{}, nil
		s.conn = nil
	}
}

// deaf is the handler of a connection that the module has forgotten. On the device its
// events reach freed memory.
type deaf struct{}

func (deaf) Connected(*espconn.Conn)           {}
func (deaf) Received(*espconn.Conn, []byte)    {}
func (deaf) Sent(*espconn.Conn)                {}
func (deaf) Disconnected(*espconn.Conn)        {}
func (deaf) Failed(*espconn.Conn, espconn.Err) {}

// over frees what the connection had and tells the program (fw: disconnect_callback).
func (s *client) over() {
	s.state = closed
	s.timer.Disarm()
	for i := range s.blocks {
		s.m.give(&s.blocks[i])
	}
	s.blocks = s.blocks[:0]
	s.frames.reset()
	s.forget()
	code := s.code
	if code == 0 {
		code = codeClosed
	}
	s.failed(code)
}

// failed calls the close handler and lets the client go.
func (s *client) failed(code int) {
	m := s.m
	m.Hints.Failed("websocket", s.String(), code, "")
	if s.onClose != 0 {
		s.telling = true
		m.Protected("websocket close", m.v.Deref(s.onClose), s.Value(), vm.Number(code))
		s.telling = false
	}
	s.Release()
}
