package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wire"
)

// TestSeveralDevices puts three directories, two of the same name, on one network.
func TestSeveralDevices(t *testing.T) {
	root := t.TempDir()
	var dirs []string
	for _, name := range []string{"x/lamp", "y/lamp", "y/switch"} {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"init.lua":         `tmr.create():alarm(5000, tmr.ALARM_SINGLE, function() print(wifi.sta.getip()) end)`,
			"nodemcu-sim.toml": "publish = [\"0:80\"]\n[link]\nlatency = \"10ms\"\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	a, err := New(Options{Dir: dirs[0], Others: dirs[1:], Net: "isolated", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	out := map[string]string{}
	a.World.Subscribe(func(e sim.Event) {
		if d, ok := e.Data.(sim.OutputData); ok {
			out[e.Device] += d.Text
		}
	})
	slow := 0
	a.World.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Delivered && e.Time > 7*clock.Second {
			slow = int(e.Time - 7*clock.Second)
		}
	})
	a.PowerOn()
	a.World.Clock.RunUntil(7 * clock.Second)
	for _, name := range []string{"lamp", "lamp-2", "switch"} {
		if !regexp.MustCompile(`192\.168\.1\.1[0-2]\t255`).MatchString(out[name]) {
			t.Errorf("%s printed %q", name, out[name])
		}
	}
	published := strings.Join(a.Published(), "\n")
	if !regexp.MustCompile(`port 80\n.*port 80 of lamp-2\n.*port 80 of switch$`).MatchString(published) {
		t.Errorf("published:\n%s", published)
	}
	d := a.World.Devices()
	u := d[1].Net().NewUDP()
	u.SendTo([]byte("x"), d[2].Address(sim.StationIf).Addr(), 7)
	a.World.Clock.RunUntil(7*clock.Second + 25*clock.Millisecond)
	if slow != 20000 {
		t.Errorf("a packet between two links of 10 ms took %d µs", slow)
	}
}

func TestLinkOptions(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": ""})
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Link: "x"}, `--link: "x" is not KEY=VALUE`},
		{Options{LinkDown: []string{"1s-2s", "x"}}, `--link-down: "x": write FROM-TO`},
		{Options{WiFiDown: []string{"x"}}, `--wifi-down: "x": write FROM-TO`},
		{Options{Others: []string{filepath.Join(dir, "none")}}, "cannot open the directory"},
	} {
		test.o.Dir = dir
		if _, err := New(test.o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}
