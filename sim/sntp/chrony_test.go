package sntp_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtctime"
	"github.com/nodemcu-sim/nodemcu-sim/sim/sntp"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
)

// chrony starts chronyd at a port of the loopback, which serves this computer's time as a
// server of that stratum. It leaves the computer's clock alone.
func chrony(t *testing.T, stratum int) netip.AddrPort {
	t.Helper()
	path := need.Program(t, "chronyd")
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.LocalAddr().(*net.UDPAddr).AddrPort()
	free.Close()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	text := fmt.Sprintf("port %d\nbindaddress %s\nlocal stratum %d\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile %s\n",
		at.Port(), at.Addr(), stratum, filepath.Join(dir, "pid"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// -x: no clock control. -U: not only for root. -u: who it is stays who it was.
	var said strings.Builder
	cmd := exec.Command(path, "-x", "-U", "-d", "-u", me.Username, "-f", conf)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("chronyd said:\n%s", said.String())
		}
	})
	for range 100 {
		if answers(at) {
			return at
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("chronyd does not answer")
	return at
}

// answers reports whether an NTP server does.
func answers(at netip.AddrPort) bool {
	c, err := net.Dial("udp4", at.String())
	if err != nil {
		return false
	}
	defer c.Close()
	request := make([]byte, 48)
	request[0] = 0x23 // version 4, a client
	c.Write(request)
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := c.Read(request)
	return err == nil && n == 48
}

// moved is the host's network, but what goes to NTP's port, which only root may open, goes
// to a server elsewhere.
type moved struct {
	*hostnet.Network
	to netip.AddrPort
}

func (m moved) OpenSocket(s hostnet.Socket, to netip.AddrPort) {
	if to == netip.AddrPortFrom(m.to.Addr(), 123) {
		to = m.to
	}
	m.Network.OpenSocket(s, to)
}

// A device asks chrony for the time through the gateway, and has it to the second. When it
// asks again, the two hardly differ.
func TestChrony(t *testing.T) {
	const stratum = 3
	server := chrony(t, stratum)
	lab := chiptest.NewLab(t, "t.lua", `
		local function sync(next)
			sntp.sync("host.internal", function(sec, usec, from, info)
				print("synced", sec, usec, from, info.stratum, info.leap, info.offset_s, info.offset_us, info.delay_us, info.root_delay_us)
				next()
			end, function(code, text) print("failed", code, text) end)
		end
		sync(function()
			tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
				print("now", rtctime.get())
				sync(function() end)
			end)
		end)`, device.Config{Modules: []device.Module{sntp.Module, rtctime.Module, tmr.Module}})
	w := lab.World
	type line struct {
		text string
		at   time.Time
	}
	lines := make(chan line, 10)
	rest := ""
	w.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			parts := strings.Split(rest+strings.ReplaceAll(o.Text, "\r", ""), "\n")
			rest = parts[len(parts)-1]
			for _, text := range parts[:len(parts)-1] {
				lines <- line{text, time.Now()}
			}
		}
	})
	host := hostnet.New(func(what world.Stimulus, done func(string, error)) { w.Send(gateway.Name, what, done) }, nil)
	g := gateway.New(w, gateway.Options{Network: moved{host, server}})
	w.Clock.SetSpeed(1)
	lab.D.PowerOn()
	t.Cleanup(func() { g.Close() })
	chiptest.Live(t, w)
	next := func(what string) ([]string, time.Time) {
		t.Helper()
		select {
		case l := <-lines:
			fields := strings.Split(l.text, "\t")
			if fields[0] != what {
				t.Fatalf("the device printed %q, want %q", l.text, what)
			}
			return fields[1:], l.at
		case <-time.After(20 * time.Second):
			t.Fatalf("%q does not come", what)
			return nil, time.Time{}
		}
	}
	number := func(text string) (n int64) {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Errorf("%q is no number", text)
		}
		return n
	}
	near := func(what, sec, usec string, at time.Time) {
		t.Helper()
		if off := time.Unix(number(sec), number(usec)*1000).Sub(at); off.Abs() > time.Second {
			t.Errorf("%s is off by %v", what, off)
		}
	}

	// The first time the difference is as large as the time: in seconds.
	first, at := next("synced")
	near("the callback's time", first[0], first[1], at)
	if got, want := first[2:5], []string{w.Air.RouterPrefix().Addr().String(), fmt.Sprint(stratum), "0"}; strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("server, stratum and leap are %q, want %q", got, want)
	}
	if off := number(first[5]) - at.Unix(); off < -5 || off > 0 || first[6] != "nil" {
		t.Errorf("offset_s is %s, offset_us %s", first[5], first[6])
	}
	if delay := number(first[7]); delay <= 0 || delay > 1_000_000 || first[8] != "0" {
		t.Errorf("delay_us is %s, root_delay_us %s", first[7], first[8])
	}

	now, at := next("now")
	near("rtctime", now[0], now[1], at)

	// Then in microseconds.
	second, at := next("synced")
	near("the callback's time", second[0], second[1], at)
	if off := number(second[6]); off < -1_000_000 || off > 1_000_000 || second[5] != "nil" {
		t.Errorf("offset_s is %s, offset_us %s", second[5], second[6])
	}
	t.Logf("%q, then %q", first, second)
}
