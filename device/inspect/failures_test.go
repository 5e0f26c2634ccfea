package inspect

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// told is a host that keeps the hints.
type told struct {
	Host
	hints []string
}

func (h *told) Emit(e world.Happening) { h.hints = append(h.hints, e.(event.Hint).Text) }
func (h *told) Lua() *vm.VM            { return nil }

// Each code is explained once, each reason of the module's own, too.
func TestFailed(t *testing.T) {
	host := &told{}
	h := &Hints{host: host, given: given{}}
	for range 2 {
		h.Failed("mqtt", "mqtt client 1", -5, "")
		h.Failed("mqtt", "mqtt client 2", 7, "")
		h.Failed("http", "http request 1", -1, "the name has no address")
		h.Failed("http", "http request 2", -1, "the answer is too long")
		h.Failed("websocket", "websocket 1", -117, "")
	}
	want := []string{
		"mqtt client 1: connfail -5: nothing listens",
		"mqtt client 2: connfail 7: the broker refuses with a code",
		"http request 1: code -1: the name has no address",
		"http request 2: code -1: the answer is too long",
		"websocket 1: close -117: 100 below an error of TCP",
	}
	if len(host.hints) != len(want) {
		t.Fatalf("%d hints: %q", len(host.hints), host.hints)
	}
	for i, w := range want {
		if !strings.HasPrefix(host.hints[i], w) {
			t.Errorf("%q, want %q", host.hints[i], w)
		}
	}
}

// No code of those that the modules document lacks its words.
func TestFailureCodes(t *testing.T) {
	for module, want := range map[string][]int{
		"mqtt": {-5, -4, -3, -2, -1, 1, 2, 3, 4, 5}, "http": {-1}, "sntp": {1, 2, 3, 4},
		"websocket": {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16, -17, -18, -19, -99, -100},
	} {
		for _, code := range want {
			if failureCodes[module].words[code] == "" {
				t.Errorf("%s %d is not explained", module, code)
			}
		}
	}
}
