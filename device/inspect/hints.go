package inspect

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// How long a callback may keep the CPU (fw: docs/extn-developer-faq.md: no longer
// than 15 ms, or the network suffers; no longer than 500 ms, or Wi-Fi is lost).
const (
	longCallback    = 15 * clock.Millisecond
	tooLongCallback = 500 * clock.Millisecond
)

// HintWatchdog says what was running when the software watchdog bit, and how long the
// CPU was kept from it: once per place.
func (x *Inspector) HintWatchdog(kept clock.Duration) {
	if x.host.Lua() == nil {
		return
	}
	where, what := x.host.Lua().Where(), x.host.Lua().Entry()
	if x.awaited != "" {
		x.host.Emit(event.Hint{Text: x.awaited, Where: where})
		x.awaited = ""
		return
	}
	if what == "" {
		what = "the program"
	}
	if x.hinted.first("wdt\x00" + what + "\x00" + where) {
		x.host.Emit(event.Hint{Text: fmt.Sprintf("%s has kept the CPU for %.1f s without a break or tmr.wdclr: the watchdog resets the device",
			what, kept.Seconds()), Where: where})
	}
}

// AwaitWatchdog has text said instead, of firmware code that waits for the watchdog on
// purpose.
func (x *Inspector) AwaitWatchdog(text string) { x.awaited = text }

// HintLong names a callback that kept the CPU for long: once per place and limit.
// The program's start, files that it runs and lines typed at the prompt are no
// callbacks.
func (x *Inspector) HintLong(what string, code vm.Code, took clock.Duration) {
	if took <= longCallback || code.LineDefined() <= 0 {
		return
	}
	limit, effect := "15", "over 15 ms the network suffers"
	if took > tooLongCallback {
		limit, effect = "500", "over 500 ms the device may lose its Wi-Fi connection"
	}
	where := code.DefinedAt()
	if x.hinted.first("long\x00" + limit + what + "\x00" + where) {
		x.host.Emit(event.Hint{Where: where, Text: fmt.Sprintf("%s, %s kept the CPU for %d ms: %s",
			code.Label(), what, took/clock.Millisecond, effect)})
	}
}

// Hints tells the user that the program has met a rule of the firmware that loses
// something: once per boot for each place in the program, or for each kind.
type Hints struct {
	host  Host
	given given
}

// given remembers what hints were given.
type given map[string]bool

// maxHints bounds how many are remembered, and given: a program can have as many
// places as it makes chunks.
const maxHints = 1000

// first reports whether this is the first time for a key.
func (g given) first(key string) bool {
	if g[key] || len(g) >= maxHints {
		return false
	}
	g[key] = true
	return true
}

// Here gives a hint about the place in the program that is running.
func (h *Hints) Here(format string, args ...any) {
	h.At(h.host.Lua().Where(), format, args...)
}

// At gives a hint about another place in the program.
func (h *Hints) At(where, format string, args ...any) {
	if h.given.first(where + "\x00" + format) {
		h.host.Emit(event.Hint{Text: fmt.Sprintf(format, args...), Where: where})
	}
}

// Once gives a hint about something that no place in the program can be named
// for; kind tells it from others.
func (h *Hints) Once(kind, format string, args ...any) {
	if h.given.first(kind) {
		h.host.Emit(event.Hint{Text: fmt.Sprintf(format, args...)})
	}
}

// surprises says what a program has met in the device's arithmetic.
var surprises = map[vm.Surprise]string{
	vm.PowerCompared:    "a power is compared with the number that it misses: x^y loses its last bits on the device (2^4 is 16.000000000000004), so == 16 is false. Write the number, multiply, or round with math.floor(x + 0.5)",
	vm.ModuloSaturates:  "a % b is a remainder only as long as a/b fits in 32 bits, and here it does not: the device's result is another number",
	vm.FloorSaturates:   "math.floor goes through a 32-bit integer on the device: what does not fit becomes 2147483647. math.ceil does not",
	vm.IntegerSaturates: "%d, %u and %x have 32 bits on the device, and the number does not fit: it is cut to the nearest that does. %.0f has 64",
	vm.FixedTooLarge:    "%f of 2^64 or more is the empty string on the device: use %g",
}

// surprise is told when the program first meets one at a place.
func (x *Inspector) surprise(what vm.Surprise, where string) {
	if text := surprises[what]; x.Hints.given.first(where + "\x00" + text) {
		x.host.Emit(event.Hint{Text: text, Where: where})
	}
}
