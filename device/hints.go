package device

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// How long a callback may keep the CPU (fw: docs/extn-developer-faq.md: no longer
// than 15 ms, or the network suffers; no longer than 500 ms, or Wi-Fi is lost).
const (
	longCallback    = 15 * clock.Millisecond
	tooLongCallback = 500 * clock.Millisecond
)

// hintWatchdog says what was running when the software watchdog bit: once per
// place.
func (d *Device) hintWatchdog() {
	where, what := d.VM.Where(), d.VM.Entry()
	if what == "" {
		what = "the program"
	}
	if key := "wdt\x00" + what + "\x00" + where; !d.tools.hinted[key] {
		d.tools.hinted[key] = true
		d.Emit(Hint, HintData{Text: fmt.Sprintf("%s has kept the CPU for %.1f s without a break or tmr.wdclr: the watchdog resets the device",
			what, softWatchdog.Seconds()), Where: where})
	}
}

// hintLong names a callback that kept the CPU for long: once per place and limit.
// The program's start, files that it runs and lines typed at the prompt are no
// callbacks.
func (d *Device) hintLong(what string, fn vm.Value, took clock.Duration) {
	f, ok := fn.(*vm.Function)
	if took <= longCallback || !d.cpuCounts || !ok || f.IsG || f.Proto.LineDefined == 0 {
		return
	}
	text := fmt.Sprintf("%s kept the CPU for %d ms: over 15 ms the network suffers", what, took/clock.Millisecond)
	limit := "15"
	if took > tooLongCallback {
		text = fmt.Sprintf("%s kept the CPU for %d ms: over 500 ms the device may lose its Wi-Fi connection", what, took/clock.Millisecond)
		limit = "500"
	}
	where := vm.DefinedAt(f)
	text = d.VM.FunctionLabel(f) + ", " + text
	if key := "long\x00" + limit + what + "\x00" + where; !d.tools.hinted[key] {
		d.tools.hinted[key] = true
		d.Emit(Hint, HintData{Text: text, Where: where})
	}
}
