package net

import (
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// scenario is one measured program, as net-traces.json has it. Trace, wire and
// peer are lists of what happened; "q" orders them among each other.
type scenario struct {
	Name       string   `json:"name"`
	Group      string   `json:"group"`
	Note       string   `json:"note"`
	UntilMS    int64    `json:"until_ms"`
	Config     []string `json:"config"`
	PeerScript []string `json:"peer_script"`
	DNSScript  []string `json:"dns_script"`
	Lua        string   `json:"lua"`
	Lua1       string   `json:"lua_device1"`

	Trace     []entry `json:"trace"`
	Wire      []entry `json:"wire"`
	Peer      []entry `json:"peer"`
	Ticks     any     `json:"tcp_ticks"`
	PeerFinal any     `json:"peer_final"`
	Final     any     `json:"final"`
}

type entry = traces.Entry

// TestOracleNetwork runs every measured scenario and compares everything: events and
// calls with arguments, results, errors and times, the segments on the wire, what
// the peers saw, when the tick ran, and the state and memory at the end.
func TestOracleNetwork(t *testing.T) {
	oracle.Set{
		Name: "net-traces",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for _, s := range oracle.Decode[scenarioFile](t, data).Scenarios {
				entries = append(entries, oracle.Entry{Name: s.Name, Check: func() string { return s.check(t) }})
			}
			return entries
		},
	}.Compare(t)
}

type scenarioFile struct {
	Scenarios []scenario `json:"scenarios"`
}

// check runs the scenario and returns the first difference, or "".
func (s *scenario) check(t *testing.T) string {
	got := runScenario(t, s, true)
	want, have := traces.Plain(*s), traces.Plain(*got)
	s.namePorts(&want)
	s.namePorts(&have)
	for _, l := range []struct {
		name       string
		have, want []entry
	}{{"trace", have.Trace, want.Trace}, {"wire", have.Wire, want.Wire}, {"peer", have.Peer, want.Peer}} {
		for i := range max(len(l.have), len(l.want)) {
			a, b := traces.Nth(l.have, i).Without("q"), traces.Nth(l.want, i).Without("q")
			if !reflect.DeepEqual(a, b) {
				return fmt.Sprintf("%s entry %d:\n  got  %s\n  want %s", l.name, i, traces.Show(a), traces.Show(b))
			}
		}
	}
	for _, l := range []struct {
		name       string
		have, want any
	}{{"tcp_ticks", have.Ticks, want.Ticks}, {"peer_final", have.PeerFinal, want.PeerFinal}, {"final", have.Final, want.Final}} {
		if !reflect.DeepEqual(l.have, l.want) {
			return fmt.Sprintf("%s:\n  got  %s\n  want %s", l.name, traces.Show(l.have), traces.Show(l.want))
		}
	}
	if a, b := traces.Order(have.Trace, have.Wire, have.Peer), traces.Order(want.Trace, want.Wire, want.Peer); a != b {
		return fmt.Sprintf("order of what happens at one instant:\n  got  %s\n  want %s", a, b)
	}
	return ""
}

// Ports that the device picks itself are arbitrary: they get names in the order
// in which they appear. Those that the script mentions keep their numbers, and so
// do UDP's, which are not random.
func (s *scenario) namePorts(r *scenario) {
	text := s.Lua + s.Lua1 + strings.Join(s.PeerScript, " ")
	names := map[string]string{}
	name := func(port string) string {
		n, _ := strconv.Atoi(port)
		if n < 1024 || n >= 4096 && n < 4200 || regexp.MustCompile(`\b`+port+`\b`).MatchString(text) {
			return port
		}
		if names[port] == "" {
			names[port] = fmt.Sprintf("port%d", len(names)+1)
		}
		return names[port]
	}
	number := func(v any) any {
		if f, ok := v.(float64); ok {
			if n := name(strconv.Itoa(int(f))); n != strconv.Itoa(int(f)) {
				return n
			}
		}
		return v
	}
	stat := func(v any) {
		e, _ := v.(map[string]any)
		list, _ := e["active"].([]any)
		for _, c := range list {
			pcb := c.(map[string]any)
			pcb["lport"], pcb["rport"] = number(pcb["lport"]), number(pcb["rport"])
		}
	}
	for _, e := range traces.Merged(r.Trace, r.Wire, r.Peer) {
		for _, k := range []string{"src", "dst"} {
			if a, ok := e[k].(string); ok && (strings.HasPrefix(a, "192.168.1.10:") || strings.HasPrefix(a, "192.168.1.11:")) {
				ip, port, _ := strings.Cut(a, ":")
				e[k] = ip + ":" + name(port)
			}
		}
		if c := e["call"]; c == "getaddr" || c == "getpeer" {
			if list, ok := e["r"].([]any); ok && len(list) > 0 {
				list[0] = number(list[0])
			}
		}
		stat(map[string]any(e))
	}
	if list, ok := r.Final.([]any); ok {
		for _, e := range list {
			stat(e)
		}
	}
}

// TestPeerPattern checks the peers' alphabet against the measurement's.
func TestPeerPattern(t *testing.T) {
	if got := string(pattern(1000, 3)); got != "MNO" {
		t.Errorf("pattern at 1000 is %q, want MNO", got)
	}
}

// relative turns absolute sequence numbers into ones relative to the initial
// number of their direction, as far as that was seen, or is a scripted peer's.
type relative struct {
	isn  map[[2]string]uint32
	peer func(src, dst netip.AddrPort) (isn uint32, ok bool)
}

// initial returns the number at which the direction from src to dst began.
func (r *relative) initial(src, dst netip.AddrPort) (uint32, bool) {
	if n, ok := r.isn[[2]string{src.String(), dst.String()}]; ok {
		return n, true
	}
	return r.peer(src, dst)
}

func (r *relative) describe(e entry, p *wire.Packet) {
	src, dst := netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)
	e["src"], e["dst"] = src.String(), dst.String()
	if p.Flags&wire.SYN != 0 {
		r.isn[[2]string{src.String(), dst.String()}] = p.Seq
	}
	e["fl"] = p.Flags.String()
	e["len"], e["wnd"] = len(p.Payload), p.Window
	if n, ok := r.initial(src, dst); ok {
		e["seq"] = p.Seq - n
	} else {
		e["seq_abs"] = p.Seq
	}
	if p.Flags&wire.ACK != 0 {
		if n, ok := r.initial(dst, src); ok {
			e["ack"] = p.Ack - n
		} else {
			e["ack_abs"] = p.Ack
		}
	}
	if p.MSS != 0 {
		e["mss"] = p.MSS
	}
}

// timed lists the scenarios whose order depends on Lua taking no time.
var timed = map[string]string{
	"err_in_timer":                 "the last tick and the restart are due at one instant",
	"err_onerror_itself_errors":    "the measurement stops after 60 pieces of work at one instant",
	"task_vs_timer_vs_net":         "a packet comes 2 ms after a timer of the script, which takes longer to arm it",
	"tmr_busy_delays_others":       "timers fall due just when a busy one ends",
	"tmr_interval_running":         "ends at the very instant of the last tick",
	"tmr_returns":                  "ends at the very instant of the last tick",
	"tmr_same_tick_order":          "timers armed one after the other fall due at one instant",
	"tmr_stop_other_due_same_tick": "timers armed one after the other fall due at one instant",
}

// TestOrderWithCPU runs the scenarios with the price that the board puts on Lua
// and compares the order of events and calls, without their times.
func TestOrderWithCPU(t *testing.T) {
	same := 0
	all := oracle.Load[scenarioFile](t, "net-traces").Scenarios
	for _, s := range all {
		got, want := traces.Plain(*runScenario(t, &s, false)), traces.Plain(s)
		reason, listed := timed[s.Name]
		switch have, should := got.events(), want.events(); {
		case have == should:
			same++
			if listed {
				t.Errorf("%s: same order, though listed as different: %s", s.Name, reason)
			}
		case !listed:
			t.Errorf("%s:\n  got  %s\n  want %s", s.Name, have, should)
		}
	}
	t.Logf("%d of %d scenarios have the same order of callbacks when Lua takes time", same, len(all))
}

// events lists what the script saw, without times.
func (s *scenario) events() string {
	var b strings.Builder
	for _, e := range s.Trace {
		fmt.Fprintf(&b, "%v%v:%v%v ", e["dev"], e["on"], e["ev"], e["call"])
	}
	return strings.ReplaceAll(b.String(), "<nil>", "")
}
