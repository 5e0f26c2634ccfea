package rtcfifo

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcmem"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtctime"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The life of a sensor: samples are taken each minute, sleeping in between, and sent
// together.
func TestSensor(t *testing.T) {
	x := terminal.New(t, map[string]string{"init.lua": `
		if rtcfifo.ready() == 0 then rtcfifo.prepare({interval_us = 60 * 1000000, sensor_count = 2}) end
		if rtctime.get() == 0 then return end
		rtcfifo.put(rtctime.get(), 215, 1, "temp")
		rtcfifo.put(rtctime.get(), 48, 0, "hum")
		if rtcfifo.count() < 6 then rtcfifo.dsleep_until_sample(0) end
		while rtcfifo.count() > 0 do print(rtcfifo.pop()) end
	`}, Module, rtctime.Module)
	x.Run("rtctime.set(1436430589) rtcfifo.dsleep_until_sample(0)")
	x.Wait(3 * clock.Minute)
	_, got, _ := strings.Cut(x.Output(), "1436430600")
	const want = "\t215\t1\ttemp\n1436430600\t48\t0\thum\n1436430660\t215\t1\ttemp\n1436430660\t48\t0\thum\n1436430720\t215\t1\ttemp\n1436430720\t48\t0\thum\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %q", got)
	}
}

// A build without rtctime has no interval.
func TestWithoutTime(t *testing.T) {
	x := terminal.New(t, nil, Module, rtcmem.Module)
	if got := x.Run(`rtcfifo.prepare({interval_us = 5}) print(rtcfifo.dsleep_until_sample, rtcmem.read32(11))`); got != "nil\t0" {
		t.Error(got)
	}
}

func TestHints(t *testing.T) {
	for _, tt := range []struct{ run, want string }{
		{"rtcfifo.put(1, 1, 0, 'a') rtcfifo.put(512, 1, 0, 'a')", ""},
		{"rtcfifo.put(1, 1, 0, 'a') rtcfifo.put(513, 1, 0, 'a')", "the last sample is 512 s old"},
		{"rtcfifo.put(10, 1, 0, 'a') rtcfifo.put(9, 1, 0, 'a')", "1 s older than the last one"},
		{"for i = 1, 6 do rtcfifo.put(1, 1, 0, 'n' .. i) end", `"n6" is a name more than sensor_count (5): all 5`},
		{"rtcfifo.put(1, 65536, 0, 'a')", "of 65536 0 is kept"},
		{"rtcfifo.put(1, -5, 0, 'a')", "of -5 65531 is kept"},
		{"rtcfifo.prepare{storage_begin = 21, storage_end = 128}", ""},
		{"rtcfifo.prepare{storage_begin = 9, storage_end = 128}", "are no place for them"},
		{"rtcfifo.prepare{storage_begin = 64, storage_end = 128}", "go to the default place all the same, from word 37"},
	} {
		x := terminal.New(t, nil, Module)
		x.Run("rtcfifo.prepare() " + tt.run)
		got := ""
		for _, e := range x.Events {
			if h, ok := e.Data.(event.Hint); ok {
				got += h.Text + "\n"
			}
		}
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: hints %q, want %q", tt.run, got, tt.want)
		}
	}
}

// What a program writes into the control block may make a loop long: the watchdog ends
// it.
func TestOverwritten(t *testing.T) {
	x := terminal.New(t, nil, Module, rtcmem.Module)
	x.Run("rtcfifo.prepare() rtcmem.write32(16, -1) rtcfifo.drop(-1)")
	x.Wait(10 * clock.Second)
	if got := x.Device.BootReason().Text; got != "software watchdog reset" {
		t.Errorf("the last reset: %s", got)
	}
}

// FuzzWords lets the queue work on whatever is in the memory.
func FuzzWords(f *testing.F) {
	x := terminal.New(f, nil, Module)
	f.Add([]byte{0, 1, 2, 3}, uint32(600), uint32(5))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint32(1<<31), uint32(0))
	f.Fuzz(func(t *testing.T, words []byte, time, n uint32) {
		m := &module{dev: x.Device}
		for i, b := range words {
			m.dev.RTC.Word[i/4%len(m.dev.RTC.Word)] ^= uint32(b) << (i % 4 * 8)
		}
		m.set(wordCount, m.get(wordCount)%1000) // loops, not their length
		m.store(sample{time: time, value: n, decimals: n, name: n})
		m.take()
		m.at(n % 1000)
		m.skip(n % 1000)
		m.clear()
		if m.get(wordCount) != 0 && m.begin() > wordCount {
			t.Error("cleared, and there are samples")
		}
	})
}
