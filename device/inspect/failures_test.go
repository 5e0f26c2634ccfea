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

// Each code is explained once, and so is each cause.
func TestFailed(t *testing.T) {
	host := &told{}
	h := &Hints{host: host, given: given{}}
	for range 2 {
		h.Failed("mqtt", "mqtt client 1", -5, "")
		h.Failed("mqtt", "mqtt client 2", 7, "")
		h.Failed("http", "http request 1", -1, NoName, "nowhere.test")
		h.Failed("http", "http request 2", -1, TooLong, 8191)
		h.Failed("mqtt", "mqtt client 1", -5, TLS)
		h.Failed("sntp", "sntp sync 1", 4, "")
		h.Failed("sntp", "sntp sync 2", 4, Denied)
		h.Failed("websocket", "websocket 1", -117, "")
	}
	want := []string{
		"mqtt client 1: connfail -5: nothing listens",
		"mqtt client 2: connfail 7: the broker refuses with a code",
		"http request 1: code -1: \"nowhere.test\": the name has no address",
		"http request 2: code -1: the answer is longer than 8191 bytes",
		"mqtt client 1: connfail -5: TLS failed, as an earlier hint says",
		"sntp sync 1: error 4: no server has answered within 1 s",
		"sntp sync 2: error 4: the server refuses to answer",
		"websocket 1: close -117: 100 below an error of TCP or TLS",
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
			if failureCodes[module].words[failure{code: code}] == "" {
				t.Errorf("%s %d is not explained", module, code)
			}
		}
	}
	for module, f := range failureCodes {
		for k := range f.words {
			if _, ok := f.words[failure{code: k.code}]; !ok {
				t.Errorf("%s %d has the cause %q and no general meaning", module, k.code, k.cause)
			}
		}
	}
}
