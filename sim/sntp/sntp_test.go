package sntp

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtctime"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// lab is a device 192.168.1.10 and an NTP server 192.168.1.20.
type lab struct {
	*chiptest.Lab
	host   *peer.Host
	server *peer.NTP
	socket *peer.UDP
}

var noon = time.Date(2026, time.June, 30, 12, 0, 0, 0, time.UTC)

// newLab starts a device that runs src once, in a build with rtctime or without.
func newLab(t testing.TB, src string, modules ...device.Module) *lab {
	t.Helper()
	w := &lab{Lab: chiptest.NewLab(t, "t.lua", src, device.Config{Modules: append([]device.Module{node.Module, Module, tmr.Module}, modules...)})}
	w.SetDate(noon)
	w.host = peer.New(w.Wire, "ntp", netip.MustParsePrefix("192.168.1.20/24"))
	w.server = &peer.NTP{Now: w.Date, Stratum: 2}
	var err error
	if w.socket, err = w.host.ServeNTP(w.server); err != nil {
		t.Fatal(err)
	}
	w.D.PowerOn()
	return w
}

// off is by how much the device's clock differs from the server's.
func (w *lab) off() time.Duration {
	sec, usec := w.D.RTC.Now()
	return time.Unix(int64(sec), int64(usec)*1000).Sub(w.server.Now())
}

// The examples of the documentation: once, with a server of the network, and for ever.
func TestSyncSetsTheClock(t *testing.T) {
	w := newLab(t, `sntp.sync("192.168.1.20", function(sec, usec, server, info)
		local t = rtctime.epoch2cal(rtctime.get())
		print(sec == rtctime.get(), server, info.stratum, t.year, t.mon, t.day, t.hour)
	end, function() print("failed!") end)`, rtctime.Module)
	if got, want := w.RunLog(2*clock.Second), "true\t192.168.1.20\t2\t2026\t6\t30\t12\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if off := w.off().Abs(); off > time.Millisecond {
		t.Errorf("the clock is off by %v", off)
	}
}

// A repetition makes up for the chip's drift: the clock's rate becomes that of the server.
func TestRepeatFollowsTheServer(t *testing.T) {
	const fast = 40e-6
	w := newLab(t, `sntp.sync("192.168.1.20", nil, nil, 1)`, rtctime.Module)
	w.server.Now = func() time.Time {
		return noon.Add(time.Duration(float64(w.Clock.Now()) * (1 + fast) * 1000))
	}
	w.RunLog(950 * clock.Second)
	before := w.off().Abs()
	w.RunLog(20000 * clock.Second)
	if after := w.off().Abs(); before < 30*time.Millisecond || after > 10*time.Millisecond {
		t.Errorf("off by %v at first and %v after 20 syncs", before, after)
	}
	if rate := float64(w.D.RTC.Rate()) / (1 << 32); math.Abs(rate-fast) > 10e-6 {
		t.Errorf("the clock's rate is %g, the server's %g", rate, fast)
	}
}

// A build without rtctime gets the server's time, and no clock is set.
func TestWithoutRTCTime(t *testing.T) {
	w := newLab(t, `print(sntp.setoffset, sntp.getoffset)
		sntp.sync("192.168.1.20", function(sec, usec, server, info) print(sec, info.offset_s, info.offset_us, info.delay_us > 0) end)`)
	want := fmt.Sprintf("nil\tnil\n%d\tnil\tnil\ttrue\n", noon.Unix())
	if got := w.RunLog(2 * clock.Second); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if sec, _ := w.D.RTC.Now(); sec != 0 {
		t.Errorf("the clock shows %d", sec)
	}
}

// With an offset the clock ticks on through a leap second, and the offset changes.
func TestLeapSecond(t *testing.T) {
	w := newLab(t, `sntp.setoffset(10)
		sntp.sync("192.168.1.20", nil, nil, 1)
		tmr.create():alarm(1000, 0, function() print(sntp.getoffset(), rtctime.get()) end)
		local n = 0
		tmr.create():alarm(6000000, 1, function() n = n + 1 if n == 8 then print(sntp.getoffset()) end end)`, rtctime.Module)
	w.server.Leap = 1
	if got, want := w.RunLog(2*clock.Second), fmt.Sprintf("10\t%d\t", noon.Unix()+11); !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.RunLog(14 * 3600 * clock.Second); got != "11\n" {
		t.Errorf("after midnight the offset is %q", got)
	}
}

// Whatever becomes of a sync, its memory and its references come back.
func TestNothingIsKept(t *testing.T) {
	w := newLab(t, `local function again() tmr.create():alarm(100, 0, function() sync() end) end
		function sync() sntp.sync("192.168.1.20", again, again) end
		sync()`, rtctime.Module)
	w.RunLog(10 * clock.Second)
	w.D.VM.Collect()
	free, refs := w.D.VM.FreeHeap(), len(w.D.VM.Refs())
	w.RunLog(30 * clock.Second)
	w.socket.Close()
	w.RunLog(30 * clock.Second)
	w.host.ServeNTP(w.server)
	w.RunLog(10 * clock.Second)
	w.D.VM.Collect()
	if f, r := w.D.VM.FreeHeap(), len(w.D.VM.Refs()); free-f > 400 || r > refs+2 {
		t.Errorf("free heap %d, then %d; references %d, then %d", free, f, refs, r)
	}
}

// What the firmware does wrong, and what is said of it.
func TestFaults(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"no text", `print(pcall(sntp.sync, {}))
			print(pcall(sntp.sync, "192.168.1.20"))`,
			"hint: sntp.sync fails on a server that is no text, and leaves the module in progress: every later sync fails until a restart\n" +
				"false\tbad argument #-1 to '?' (string expected, got nil)\nfalse\tsync in progress\n"},
		{"no text behind a name", `sntp.sync({"nowhere.test", false})`,
			"hint: sntp finds a server that is no text when no call from Lua runs that could catch the error\n" +
				"PANIC: unprotected error in call to Lua API (bad argument #-1 (string expected, got boolean))\n"},
		{"long name", `print(pcall(sntp.sync, ("x"):rep(129)))`, "false\tneed <128 hostname\n"},
		{"nil and repeat after a success", `sntp.sync("192.168.1.20", function() sntp.sync(nil, nil, nil, 1) end)`,
			"hint: sntp.sync(nil, …) after one that has succeeded takes its last argument for a list of servers, and reads a number as a table. Name the servers (exception, the device resets)\n" +
				"reset: exception reset\n"},
		{"nil and a table after a success", `sntp.sync("192.168.1.20", function() sntp.sync(nil, function() print("ok") end, nil, {"192.168.1.20"}) end)`,
			"hint: sntp.sync(nil, …) after one that has succeeded does not repeat: the firmware takes its 4th argument for a list of servers. Name the servers\nok\n"},
		{"repeat of what fails at once", `sntp.sync("", nil, nil, 1)`,
			"hint: sntp sync 1: error 1: none of the servers has an address; this names \"\". --date, or sim.date of a test, puts a time server into the simulated network\n" +
				"hint: sntp.sync(…, repeat) has failed at once and forgotten its callbacks, which the firmware then reads at address 0 (exception, the device resets)\n" +
				"reset: exception reset\n"},
		{"list of 256", `local t = {} for i = 0, 256 do t[i] = "192.168.1.20" end sntp.sync(t)`,
			"hint: sntp.sync never ends with a list of more than 255 servers\n"},
		{"no server", `sntp.sync("192.168.1.99", nil, print)`,
			"hint: sntp sync 1: error 4: no server has answered within 1 s. Is there a way out, and does it let UDP port 123 through? --date, or sim.date of a test, puts a time server into the simulated network\n4\tnil\n"},
		{"offset", `sntp.setoffset(-1) print(sntp.getoffset())`,
			"hint: sntp.setoffset keeps eight bits: of -1 seconds that is 255\n255\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLab(t, tt.src, rtctime.Module)
			if got := w.RunLog(12 * clock.Second); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// Why no answer is usable.
func TestUselessAnswers(t *testing.T) {
	for _, tt := range []struct {
		server peer.NTP
		want   string
	}{
		{peer.NTP{Leap: 3, Stratum: 1}, "hint: sntp sync 1: error 4: the server answers that its own clock is not synchronized\n4\tnil\n"},
		{peer.NTP{Leap: 3, Reference: "DENY"}, "hint: sntp sync 1: error 4: the server refuses to answer (DENY)\n4\tnil\n"},
		{peer.NTP{Stratum: 0}, "hint: an NTP server answers with stratum 0, which sntp takes for no answer\n" +
			"hint: sntp sync 1: error 4: no server has answered within 1 s. Is there a way out, and does it let UDP port 123 through? --date, or sim.date of a test, puts a time server into the simulated network\n4\tnil\n"},
	} {
		w := newLab(t, `sntp.sync("192.168.1.20", print, print)`, rtctime.Module)
		tt.server.Now = w.Date
		*w.server = tt.server
		if got := w.RunLog(8 * clock.Second); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}

// The last answer, twice while the CPU is busy, ends the sync twice.
func TestAnswerTwice(t *testing.T) {
	w := newLab(t, `sntp.sync("192.168.1.20", function() print("ok") end)
		tmr.create():alarm(45, 1, function() tmr.delay(40000) end)`, rtctime.Module)
	w.socket.Close()
	u, err := w.host.ListenUDP(port)
	if err != nil {
		t.Fatal(err)
	}
	u.OnData = func(request []byte, from netip.AddrPort) {
		answer := make([]byte, messageLen)
		answer[0], answer[1] = 4<<3|4, 1
		copy(answer[offOrigin:], request[offSent:])
		w.Clock.After(10*clock.Millisecond, func() {
			u.SendTo(answer, from)
			u.SendTo(answer, from)
		})
	}
	got := w.RunLog(4 * clock.Second)
	if !strings.Contains(got, "sntp has got the last answer twice") || !strings.Contains(got, "reset: exception") {
		t.Errorf("got\n%s", got)
	}
}

// FuzzAnswer throws datagrams at a sync. Nothing may panic, and a usable answer afterwards
// ends it.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x24, 2, 6, 0xec}, true)
	f.Add(make([]byte, messageLen), true)
	f.Add(append([]byte{0xe4, 0, 6, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 'D', 'E', 'N', 'Y'}, make([]byte, 60)...), true)
	f.Add(append([]byte{0x64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 32)...), true)
	f.Fuzz(func(t *testing.T, data []byte, origin bool) {
		w := newLab(t, `sntp.setoffset(1) sntp.sync("192.168.1.20", print, print, 1)`, rtctime.Module)
		w.socket.Close()
		u, err := w.host.ListenUDP(port)
		if err != nil {
			t.Fatal(err)
		}
		u.OnData = func(request []byte, from netip.AddrPort) {
			answer := append([]byte(nil), data[:min(len(data), 1400)]...)
			if origin && len(answer) >= offReceived {
				copy(answer[offOrigin:], request[offSent:])
			}
			u.SendTo(answer, from)
		}
		w.RunLog(3000 * clock.Second)
	})
}
