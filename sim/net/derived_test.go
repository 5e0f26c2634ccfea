package net

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
)

// testdata/derived.txt holds scenarios of our own. Nobody has measured them: what
// they expect follows from the prose and the figures of the measurement, or from
// the firmware's source, as each says. A block is
//
//	## name milliseconds
//	# where the expectation comes from
//	peer …, do …, on …      the peer script (oracle: net-behaviour.md 1.2)
//	dns …, config …         a line of the DNS script, of the configuration
//	> …                     a line expected, in this order, others may be between
//	anything else           the program
func TestDerived(t *testing.T) {
	data, err := os.ReadFile("testdata/derived.txt")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split("\n"+string(data), "\n## ")[1:]
	for _, b := range blocks {
		s, want := parseDerived(t, b)
		t.Run(s.Name, func(t *testing.T) {
			if len(want) == 0 {
				t.Fatal("nothing expected")
			}
			got := traces.Plain(*runScenario(t, s, true))
			lines := got.lines()
			left := lines
			for _, w := range want {
				i := 0
				for i < len(left) && left[i] != w {
					i++
				}
				if i == len(left) {
					t.Fatalf("missing: %s\nin\n%s", w, strings.Join(lines, "\n"))
				}
				left = left[i+1:]
			}
		})
	}
}

func parseDerived(t *testing.T, block string) (s *scenario, want []string) {
	t.Helper()
	head, body, _ := strings.Cut(block, "\n")
	name, ms, ok := strings.Cut(head, " ")
	if !ok {
		t.Fatalf("derived scenario %q", head)
	}
	s = &scenario{Name: name, UntilMS: int64(atoi(t, ms))}
	for _, l := range strings.Split(body, "\n") {
		kind, rest, _ := strings.Cut(l, " ")
		if kind == "do" && strings.HasPrefix(rest, "local") {
			kind = "" // Lua's
		}
		switch kind {
		case "#":
		case "peer", "do", "on":
			s.PeerScript = append(s.PeerScript, l)
		case "dns":
			s.DNSScript = append(s.DNSScript, rest)
		case "config":
			s.Config = append(s.Config, rest)
		case ">":
			want = append(want, rest)
		default:
			s.Lua += l + "\n"
		}
	}
	return s, want
}

// lines is what happened, one line each: segments on the wire as
// "ms tx flags seq=… ack=… len=… wnd=…", events and calls as
// "ms object.event arguments -> results".
func (s *scenario) lines() []string {
	var out []string
	for _, e := range traces.Merged(s.Trace, s.Wire, s.Peer) {
		var b strings.Builder
		fmt.Fprintf(&b, "%v", e["t"].(float64)/1000)
		what := e["ev"]
		if what == nil {
			what = e["call"]
		}
		switch {
		case e["dir"] != nil && e["fl"] == nil:
			fmt.Fprintf(&b, " %v %v len=%v", e["dir"], e["dst"], e["len"])
		case e["dir"] != nil:
			fmt.Fprintf(&b, " %v %v", e["dir"], e["fl"])
			for _, k := range []string{"seq", "seq_abs", "ack", "ack_abs", "len", "wnd"} {
				if e[k] != nil {
					fmt.Fprintf(&b, " %s=%d", k, int64(e[k].(float64)))
				}
			}
		case e["peer"] != nil:
			fmt.Fprintf(&b, " peer %v %v", e["peer"], what)
		default:
			if e["on"] != nil {
				fmt.Fprintf(&b, " %v.%v", e["on"], what)
			} else {
				fmt.Fprintf(&b, " %v", what)
			}
			for _, a := range list(e["a"]) {
				b.WriteString(" " + luaText(a))
			}
			for _, r := range list(e["r"]) {
				b.WriteString(" -> " + luaText(r))
			}
			if e["label"] != nil {
				fmt.Fprintf(&b, " %v", e["label"])
			}
			if e["err"] != nil {
				fmt.Fprintf(&b, " error: %v", e["err"])
			}
			if e["active"] != nil {
				fmt.Fprintf(&b, " active=%d time_wait=%v heap=%v", len(list(e["active"])), e["time_wait"], e["lwip_heap_bytes"])
			}
			if e["dangling_pcb_state"] != nil {
				fmt.Fprintf(&b, " %v", e["dangling_pcb_state"])
			}
		}
		out = append(out, b.String())
	}
	return out
}

func luaText(v any) string {
	if v == nil {
		return "nil"
	}
	return traces.Show(v)
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
