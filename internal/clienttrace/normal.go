package clienttrace

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// normalize gives everything that is random on a device, or whose order is not fixed, one
// form.
func normalize(l *lists, s *scenario) {
	l.Trace = slices.DeleteFunc(l.Trace, func(e entry) bool { return e["ev"] == "sdk" || e["ev"] == "radio" })
	l.Trace = mergeOutput(l.Trace, s.console)
	for _, e := range l.Trace {
		nameBSSID(e)
		if text, ok := e["uart"].(string); ok {
			text = banner.ReplaceAllString(text, "<BANNER>")
			e["uart"] = address.ReplaceAllString(text, "0xADDR")
		}
	}
	for _, e := range l.Trace {
		for _, field := range []string{"a", "r"} {
			sortTables(e[field])
		}
	}
	for _, list := range [][]entry{l.Wire, l.Peer} {
		for _, e := range list {
			shorten(e)
			maskQuoted(e)
		}
	}
	nameRandom(l, s)
	l.Wire = secondReports(l.Wire)
}

// maskQuoted takes from an ICMP error what is another stack's: of the packet that it quotes
// the number, the flags and the checksums.
func maskQuoted(e entry) {
	const quoted, udp = 8, 8 + 20
	d, _ := e["d"].(string)
	data, err := hex.DecodeString(d)
	if e["proto"] != float64(wire.ICMP) || err != nil || len(data) < udp+8 || data[0] != 3 {
		return
	}
	clear(data[2:4])
	clear(data[quoted+4 : quoted+8])
	clear(data[quoted+10 : quoted+12])
	clear(data[udp+6 : udp+8])
	e["d"] = hex.EncodeToString(data)
}

// nameBSSID replaces the address of an access point that the station is not bound to (the
// flag before it is 0): what stands there is the SDK's, which the measurement had not.
func nameBSSID(e entry) {
	args, _ := e["a"].([]any)
	for i := 1; i < len(args); i++ {
		if text, ok := args[i].(string); ok && args[i-1] == 0.0 && bssid.MatchString(text) {
			args[i] = "BSSID"
		}
	}
}

var bssid = regexp.MustCompile(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`)

// shorten makes a digest of a long payload, which some sets have whole.
func shorten(e entry) {
	if d, ok := e["d"].(string); ok && len(d) > 2*longPayload {
		if data, err := hex.DecodeString(d); err == nil {
			e["d"] = plainDigest(data)
		}
	}
}

// plainDigest is digest with the numbers of JSON.
func plainDigest(data []byte) any {
	out := map[string]any{}
	for k, v := range digest(data).(entry) {
		switch v := v.(type) {
		case int:
			out[k] = float64(v)
		case uint32:
			out[k] = float64(v)
		default:
			out[k] = v
		}
	}
	return out
}

// secondReports puts the second of the two reports about each multicast group, whose
// delay is random, to the end.
func secondReports(list []entry) []entry {
	var out, second []entry
	seen := map[string]bool{}
	for _, e := range list {
		delete(e, "dns")
		key := fmt.Sprint(e["src"], e["d"])
		if e["proto"] == float64(wire.IGMP) && seen[key] {
			second = append(second, entry{"q": 0.0, "t": 0.0, "second report": key})
			continue
		}
		seen[key] = e["proto"] == float64(wire.IGMP)
		out = append(out, e)
	}
	slices.SortFunc(second, func(a, b entry) int {
		return cmp.Compare(a["second report"].(string), b["second report"].(string))
	})
	return append(out, second...)
}

// banner is what the firmware says first.
var banner = regexp.MustCompile(`(\r?\n)*NodeMCU [^\n]*\n([^\n]*(branch|commit|release|SSL|modules|build|powered)[^\n]*\n)*`)

// address is where an object lies.
var address = regexp.MustCompile(`0x[0-9a-f]{8}`)

// mergeOutput joins what the serial port says with nothing in between: at one instant or,
// of a console, ever. The field "t_end" stays there, with when the last of it was said.
func mergeOutput(trace []entry, console bool) (out []entry) {
	for _, e := range trace {
		text, isOutput := e["uart"].(string)
		if !console {
			delete(e, "t_end")
		}
		if n := len(out); isOutput && n > 0 && out[n-1]["uart"] != nil && (console || out[n-1]["t"] == e["t"]) {
			last := out[n-1]
			last["uart"] = last["uart"].(string) + text
			if last["t"] != e["t"] {
				last["t_end"] = e["t"]
			}
			continue
		}
		out = append(out, e)
	}
	return out
}

// sortTables sorts the fields of tables, which come in the order of next().
func sortTables(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			sortTables(x)
		}
	case map[string]any:
		rows, _ := v["table"].([]any)
		for _, row := range rows {
			sortTables(row)
		}
		slices.SortFunc(rows, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

// random is what stands for random things, in the order in which they appear.
type random struct {
	script string            // numbers that the script mentions stay
	ports  map[string]string // local port to name
	names  int
	keys   map[string]string // address of a connection to the answer to its websocket key
	socket map[string]bool   // connections that have become websockets
	frames map[place]masked
}

func nameRandom(l *lists, s *scenario) {
	r := &random{script: s.Lua + strings.Join(s.PeerScript, " "), ports: map[string]string{}, keys: map[string]string{}, socket: map[string]bool{}, frames: map[place]masked{}}
	for _, e := range traces.Merged(l.Trace, l.Wire, l.Peer) {
		for _, field := range []string{"src", "dst"} {
			a, _ := e[field].(string)
			if host, port, ok := strings.Cut(a, ":"); ok && slices.ContainsFunc(own, func(ip netip.Addr) bool { return ip.String() == host }) {
				e[field] = host + ":" + r.port(port)
			}
		}
		switch d := e["d"].(type) {
		case string:
			e["d"] = r.payload(e, d)
		case map[string]any:
			if head, ok := d["head"].(string); ok {
				r.longPayload(e, d, head)
			}
		}
	}
}

// port names a port that the device has picked.
func (r *random) port(p string) string {
	if n, _ := strconv.Atoi(p); n < 1024 || regexp.MustCompile(`\b`+p+`\b`).MatchString(r.script) {
		return p
	}
	if r.ports[p] == "" {
		r.names++
		r.ports[p] = fmt.Sprintf("port%d", r.names)
	}
	return r.ports[p]
}

var keyLine = regexp.MustCompile(`(Sec-WebSocket-Key: )([A-Za-z0-9+/=]{24})`)

// payload replaces what is random in a payload.
func (r *random) payload(e entry, d string) string {
	src, _ := e["src"].(string)
	dst, _ := e["dst"].(string)
	if e["peer"] != nil {
		return keyLine.ReplaceAllString(d, "${1}KEY")
	}
	data, err := hex.DecodeString(d)
	if err != nil {
		return d
	}
	if strings.HasSuffix(src, ":53") || strings.HasSuffix(dst, ":53") {
		return "id" + d[4:]
	}
	if m := keyLine.FindSubmatch(data); m != nil {
		r.keys[src] = AcceptKey(string(m[2]))
		r.socket[src] = true
		return hex.EncodeToString(keyLine.ReplaceAll(data, []byte("${1}KEY")))
	}
	if key := r.keys[dst]; key != "" {
		return hex.EncodeToString([]byte(strings.ReplaceAll(string(data), key, "ACCEPT")))
	}
	if r.socket[src] {
		return hex.EncodeToString(r.unmask(e, data))
	}
	return d
}

// longPayload is payload for one of which only the ends are known.
func (r *random) longPayload(e entry, d map[string]any, head string) {
	src, _ := e["src"].(string)
	if !r.socket[src] {
		return
	}
	n := int(e["len"].(float64))
	whole := make([]byte, n)
	a, err1 := hex.DecodeString(head)
	b, err2 := hex.DecodeString(d["tail"].(string))
	if err1 != nil || err2 != nil || len(a)+len(b) > n {
		return
	}
	copy(whole, a)
	copy(whole[n-len(b):], b)
	whole = r.unmask(e, whole)
	d["head"], d["tail"], d["fnv"] = hex.EncodeToString(whole[:len(a)]), hex.EncodeToString(whole[n-len(b):]), "masked"
}

// masked is a frame that goes on in the next segment.
type masked struct {
	mask     [4]byte
	at, left int // bytes that were there, and that are to come
}

// place is where in a connection a segment stands.
type place struct {
	src string
	seq float64
}

// unmask takes the mask off the websocket frames of a segment.
func (r *random) unmask(e entry, data []byte) []byte {
	out := slices.Clone(data)
	seq, _ := e["seq"].(float64)
	here := place{e["src"].(string), seq}
	f := r.frames[here]
	for at := 0; at < len(out); {
		if f.left == 0 {
			if at+6 > len(out) || out[at+1]&0x80 == 0 {
				break
			}
			n, start := int(out[at+1]&0x7f), at+2
			if n == 126 && at+8 <= len(out) {
				n, start = int(out[at+2])<<8+int(out[at+3]), at+4
			}
			f = masked{mask: [4]byte(out[start:]), left: n}
			clear(out[start : start+4])
			at = start + 4
		}
		for ; at < len(out) && f.left > 0; at++ {
			out[at] ^= f.mask[f.at%4]
			f.at, f.left = f.at+1, f.left-1
		}
	}
	r.frames[place{here.src, seq + float64(len(out))}] = f
	return out
}

// AcceptKey is a server's answer to a websocket key (RFC 6455, 4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
