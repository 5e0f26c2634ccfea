package project

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

const full = `board = "d1-mini"
chip_id = 0x123456
publish = ["8080:80", "0.0.0.0:5353:53/udp"]

[firmware]
modules = ["tmr", "net", "wifi"]

[heap]
size = 40000

[cpu]
model = "host"
mhz = 160

[fs]
size = 0x80000
exclude = ["*.md", "test/*"]

[wifi]
join = "home"
ip = "192.168.1.50"
netmask = "255.255.0.0"
gateway = "192.168.0.1"
dns = ["8.8.8.8"]
connect_delay = "300ms"
dhcp_delay = "1.2s"

[[wifi.network]]
ssid = "home"
password = "topsecret"
channel = 11
rssi = -70
bssid = "02:00:00:00:00:01"

[[wifi.network]]
ssid = "café"
hidden = true

[[wifi.outage]]
from = "10s"
to = "20s"

[[wifi.outage]]
from = "1h"

[link]
latency = "40ms"
jitter = "5ms"
bandwidth = "1mbit"
queue = "200ms"
loss = "1%"
dup = "0.1%"
reorder = "2%"
reorder_by = "80ms"

[[link.outage]]
from = "30s"
to = "31.5s"

[[link.to]]
host = "hub"
latency = "100ms"

[[link.to.outage]]
from = "1s"

[[link.to]]
host = "10.0.0.0/8"
loss = "5%"
`

func TestParse(t *testing.T) {
	p, err := Parse(FileName, []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.BoardFor("")
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "wemos-d1-mini" || b.ChipID != 0x123456 || b.Heap.Size != 40000 || b.CPU.MHz != 160 || b.FS.Size != 0x80000 ||
		strings.Join(b.Firmware.Modules, " ") != "net tmr wifi" {
		t.Errorf("board %+v", b)
	}
	if !p.HostCPU || len(p.Exclude) != 2 || len(p.Publish) != 2 ||
		p.Publish[0] != (Publish{"127.0.0.1", 8080, 80, false}) || p.Publish[1] != (Publish{"0.0.0.0", 5353, 53, true}) {
		t.Errorf("project %+v", p)
	}
	w := p.WiFi
	if w.Join != "home" || w.Password != "topsecret" || w.IP.String() != "192.168.1.50/16" || w.Gateway.String() != "192.168.0.1/16" ||
		len(w.DNS) != 1 || w.ConnectDelay != 300*clock.Millisecond || w.DHCPDelay != 1200*clock.Millisecond || len(w.Networks) != 2 {
		t.Errorf("wifi %+v", w)
	}
	if n := w.Networks[0]; n.Auth != air.AuthWPA2 || n.Channel != 11 || n.RSSI != -70 || n.BSSID != (air.MAC{2, 0, 0, 0, 0, 1}) {
		t.Errorf("network %+v", n)
	}
	if n := w.Networks[1]; n.SSID != "café" || !n.Hidden || n.Auth != air.AuthOpen {
		t.Errorf("network %+v", n)
	}
	if want := []wire.Span{{From: clock.At(10 * clock.Second), To: clock.At(20 * clock.Second)}, {From: clock.At(3600 * clock.Second), To: clock.Forever}}; !slices.Equal(w.Outages, want) {
		t.Errorf("outages %v, want %v", w.Outages, want)
	}
	want := wire.Quality{Latency: 40 * clock.Millisecond, Jitter: 5 * clock.Millisecond, Bandwidth: 1e6, QueueLimit: 200 * clock.Millisecond,
		Loss: 0.01, Duplicate: 0.001, Reorder: 0.02, ReorderBy: 80 * clock.Millisecond}
	if p.Link.Quality != want || !slices.Equal(p.Link.Outages, []wire.Span{{From: clock.At(30 * clock.Second), To: clock.At(31500 * clock.Millisecond)}}) {
		t.Errorf("link %+v", p.Link)
	}
	if to := p.Link.To; len(to) != 2 || to[0].Host != "hub" || to[0].Quality != (wire.Quality{Latency: 100 * clock.Millisecond}) ||
		len(to[0].Outages) != 1 || to[1].Host != "" || to[1].Net.String() != "10.0.0.0/8" || to[1].Quality.Loss != 0.05 {
		t.Errorf("links to hosts %+v", to)
	}
	if got := p.Link.Unknown([]string{"hub"}); got != nil {
		t.Errorf("unknown hosts %v", got)
	}
	if got := p.Link.Unknown([]string{"hut"}); len(got) != 1 || got[0] != "hub" {
		t.Errorf("unknown hosts %v", got)
	}
	// A flag may choose another board; the file's changes stay.
	if b, err := p.BoardFor("nodemcu-v1"); err != nil || b.Name != "nodemcu-v1" || b.Heap.Size != 40000 {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := p.BoardFor("esp-01"); err == nil || !strings.Contains(err.Error(), "nodemcu-sim.toml:13: cpu.mhz = 160 is not one of cpu.clocks") {
		t.Errorf("a board that cannot do 160 MHz: %v", err)
	}
	if _, err := p.BoardFor("none"); err == nil || strings.Contains(err.Error(), FileName) {
		t.Errorf("an unknown board from a flag: %v", err)
	}
}

func TestEmpty(t *testing.T) {
	for _, p := range []func() (*Project, error){
		func() (*Project, error) { return Parse(FileName, nil) },
		func() (*Project, error) { return Load(t.TempDir()) },
	} {
		got, err := p()
		if err != nil {
			t.Fatal(err)
		}
		b, err := got.BoardFor("")
		if err != nil || b.Name != "nodemcu-v1" || got.HostCPU || got.WiFi.Join != "" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ doc, want string }{
		{"bord = \"x\"", `:1: unknown key "bord"; known at the top of the file: board, chip_id, publish, date, firmware, heap, cpu, fs, lfs, wifi`},
		{"\nboard = \"esp32\"", `:2: there is no board "esp32": use one of ` + strings.Join(boards.Names(), ", ")},
		{"board = \"\"", `:1: board is empty`},
		{"board = 1", `:1: board is a whole number; write a string`},
		{"chip_id = 0x1000000", `:1: chip_id = 0x1000000: a chip id has 24 bits`},
		{"publish = \"8080:80\"", `:1: publish is a string; write a list`},
		{"publish = [\"80:80\",\n\"80\"]", `:2: publish[1]: cannot publish "80": the device's port is missing`},
		{"publish = [\"80:80\", \"80:81\"]", `:1: host port 80 is published twice`},
		{"[firmware]\nmodules = [\"net\",\n  \"nett\"]", `:3: the firmware has no module "nett"`},
		{"[firmware]\nmodules = [\"ws2812\"]", `:2: the simulator does not have the firmware's module "ws2812"; a table of the program's own can stand in for it, see docs/builds.md; nodemcu-sim modules lists those it has`},
		{"[firmware]\nmodules = [\"+cron\",\n\"net\"]", `:3: give all modules a +`},
		{"[firmware]\nmodules = [\"+cron\", \"+cron\"]", `:2: module "cron" is listed twice`},
		{"[firmware]\nmodules = [\"tls\", \"tmr\"]", `:2: the firmware has tls only with net`},
		{"[firmware]\nmodules = [\"+corn\"]", `:2: the firmware has no module "corn"`},
		{"[firmware]\nmodules = [\"net\", \"net\"]", `:2: module "net" is listed twice`},
		{"[firmware]\nmodules = [\"net\"]\nfrom = \"x\"", `:3: firmware.from and firmware.modules both say which modules the build has`},
		{"[firmware]\nfrom = \"\"", `:2: firmware.from is empty`},
		{"[firmware]\nfrom = \"x.h\"", `:2: firmware.from: cannot read x.h in the project's directory: the project has no directory`},
		{"[firmware]\ni2c = \"fast\"", `:2: firmware.i2c = "fast": write "old" or "new"`},
		{"[firmware]\nssl = \"yes\"", `:2: firmware.ssl is a string; write true or false`},
		{"[heap]\nsize = 1", `:2: heap.size = 1: write 16384 to 81920 bytes`},
		{"[heap]\nsize = 0", `:2: heap.size must not be 0`},
		{"[heap]\nsize = \"40K\"", `:2: heap.size is a string; write a whole number`},
		{"[cpu]\nmodel = \"z80\"", `:2: cpu.model = "z80"`},
		{"[cpu]\nmhz = 240", `:2: cpu.mhz = 240 is not one of cpu.clocks`},
		{"board = \"esp-01\"\n[fs]\nsize = 0x200000", `:3: fs.size = 0x200000`},
		{"[lfs]\ndir = \"..\"", `:2: lfs.dir = "..": name a directory inside of the project's`},
		{"[lfs]\ndir = \".\"", `:2: lfs.dir = ".": name a directory inside of the project's`},
		{"[lfs]\nsize = 0", `:2: lfs.size must not be 0`},
		{"[lfs]\nsize = 0x1001", `:2: lfs.size = 0x1001: write a multiple of 0x1000`},
		{"[fs]\nexclude = [\"a\", \"[\"]", `:2: fs.exclude: "[" is not a file name pattern`},
		{"[wifi]\njoin = \"x\"\n[[wifi.network]]\nssid = \"y\"", `:2: wifi.join: there is no [[wifi.network]] with ssid = "x"`},
		{"[wifi]\nstored = false\njoin = \"x\"", `:3: wifi.join names a network, wifi.stored = false says that none is stored`},
		{"[wifi]\nip = \"1.2.3\"", `:2: wifi.ip = "1.2.3": write an IPv4 address`},
		{"[wifi]\nip = \"::1\"", `:2: wifi.ip = "::1": write an IPv4 address`},
		{"[wifi]\nip = \"127.0.0.1\"", `:2: wifi.ip = "127.0.0.1" is not the address of a host`},
		{"[wifi]\nip = \"192.168.1.255\"", `:2: wifi.ip = "192.168.1.255" is the network 192.168.1.0/24 itself or its broadcast address`},
		{"[wifi]\nip = \"\"", `:2: wifi.ip = ""`},
		{"[wifi]\nnetmask = \"255.0.255.0\"", `:2: wifi.netmask = "255.0.255.0"`},
		{"[wifi]\nip = \"10.0.0.2\"\ngateway = \"10.0.1.1\"", `:3: wifi.gateway = "10.0.1.1" is outside the network 10.0.0.0/24`},
		{"[wifi]\nip = \"10.0.0.2\"\ngateway = \"10.0.0.2\"", `:3: wifi.gateway and wifi.ip are the same`},
		{"[wifi]\ndns = [\"1.1.1.1\", \"1.1.1.2\", \"1.1.1.3\"]", `:2: wifi.dns: the device has room for 2 servers`},
		{"[wifi]\nconnect_delay = 3", `:2: wifi.connect_delay is a time such as "1.5s"`},
		{"[wifi]\nconnect_delay = \"-1s\"", `:2: wifi.connect_delay = -1s: write a time from 0`},
		{"[[wifi.network]]\nssid = \"a\"\n[[wifi.network]]\nchannel = 1", `:3: wifi.network[1] needs an ssid`},
		{"[[wifi.network]]\nssid = \"a\"\nchannel = 14", `:3: wifi.network[0].channel = 14`},
		{"[[wifi.network]]\nssid = \"a\"\nrssi = 0", `:3: wifi.network[0].rssi = 0`},
		{"[[wifi.network]]\nssid = \"a\"\nbssid = \"1:2\"", `:3: wifi.network[0].bssid`},
		{"[[wifi.network]]\nssid = \"a\"\npassword = \"short\"", `:3: wifi.network[0] needs a password of 8 to 64 bytes`},
		{"[[wifi.network]]\nssid = \"a\"\nauth = \"wpa2\"", `:1: wifi.network[0] needs a password`},
		{"[[wifi.network]]\nssid = \"a\"\nauth = \"open\"\npassword = \"12345678\"", `:4: wifi.network[0]: an open network has no password`},
		{"[[wifi.network]]\nssid = \"a\"\nauth = \"wpa3\"", `:3: wifi.network[0].auth = "wpa3"`},
		{"[[wifi.network]]\nssid = \"a\"\n[[wifi.network]]\nsid = \"b\"", `:4: unknown key "sid"`},
		{"[[wifi.outage]]\nto = \"1s\"", `:1: wifi.outage[0] needs from = "10s"`},
		{"[[wifi.outage]]\nfrom = \"2s\"\nto = \"1s\"", `:2: wifi.outage[0]: from 2s to 1s: write two times`},
		{"[[link.outage]]\nfrom = \"-2s\"", `:2: link.outage[0]: from -2s: write a time`},
		{"[[link.outage]]\nfrom = 2", `:2: link.outage[0].from is a time such as`},
		{"[link]\nlatency = \"40\"", `:2: link.latency = "40": write a time such as 40ms`},
		{"[link]\n\nloss = \"110%\"", `:3: link.loss = "110%": write a percentage such as 1%`},
		{"[link]\nloss = 0.1", `:2: link.loss is a number with a fraction; write a string`},
		{"[link]\nbandwidth = \"1MB\"", `:2: link.bandwidth = "1MB": write bits per second`},
		{"[[link.to]]\nlatency = \"1ms\"", `:1: link.to[0] needs host = "NAME"`},
		{"[[link.to]]\nhost = \"a\"\nloss = \"2\"", `:3: link.to[0].loss = "2": write a percentage`},
		{"[[link.to]]\nhost = \"a\"\n[[link.to.outage]]\nto = \"1s\"", `:3: link.to[0].outage[0] needs from`},
		{"[[link.to]]\nname = \"a\"", `:2: unknown key "name"; known in [link.to[0]]: host, latency`},
		{"[link]\nspeed = \"1\"", `:2: unknown key "speed"; known in [link]: latency, jitter`},
		{"wifi = \"home\"", `:1: wifi is a string; write a table, [wifi]`},
		{"[wifi\n", `:1: `},
	}
	for _, tt := range tests {
		_, err := Parse(FileName, []byte(tt.doc))
		if err == nil || !strings.HasPrefix(err.Error(), FileName+tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n got %v\nwant %s…", tt.doc, err, FileName+tt.want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, FileName)
	check := func(want string) {
		t.Helper()
		_, err := Load(dir)
		if err == nil || !strings.HasPrefix(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s: …%s…", err, name, want)
		}
	}
	if err := os.Mkdir(name, 0o777); err != nil {
		t.Fatal(err)
	}
	check("not a regular file")
	_ = os.Remove(name)
	if err := exec.Command(need.Program(t, "mkfifo"), name).Run(); err != nil {
		t.Fatal(err)
	}
	check("not a regular file")
	_ = os.Remove(name)
	if err := os.WriteFile(name, []byte("#"+strings.Repeat("x", maxSize)), 0o666); err != nil {
		t.Fatal(err)
	}
	check("larger than")
	if err := os.WriteFile(name, []byte("\n\nx = 1"), 0o666); err != nil {
		t.Fatal(err)
	}
	check(`:3: unknown key "x"`)
}

func TestParsePublish(t *testing.T) {
	for text, want := range map[string]Publish{
		"8080:80":           {"127.0.0.1", 8080, 80, false},
		"0:80":              {"127.0.0.1", 0, 80, false},
		"5353:53/udp":       {"127.0.0.1", 5353, 53, true},
		"8080:80/tcp":       {"127.0.0.1", 8080, 80, false},
		"0.0.0.0:8080:80":   {"0.0.0.0", 8080, 80, false},
		"localhost:8080:80": {"localhost", 8080, 80, false},
		"[::1]:8080:80":     {"::1", 8080, 80, false},
		"[::1]:5353:53/udp": {"::1", 5353, 53, true},
	} {
		got, err := ParsePublish(text)
		if err != nil || got != want {
			t.Errorf("ParsePublish(%q) = %+v, %v", text, got, err)
		}
		if again, err := ParsePublish(got.String()); err != nil || again != got {
			t.Errorf("%q prints as %q, which reads as %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "80", ":80", "80:", "x:80", "80:x", "80:0", "65536:80", "80:65536", "-1:80", "+1:80", "::1:80:80",
		"[::1:80:80", "[x]:80:80", ":8080:80", "80:80/sctp", "80:80/", "a b:80:80", "1 :80", "8080:80/udp/tcp"} {
		if p, err := ParsePublish(text); err == nil {
			t.Errorf("ParsePublish(%q) = %+v", text, p)
		} else if !strings.Contains(err.Error(), "8080:80") {
			t.Errorf("ParsePublish(%q): %v does not say what to write", text, err)
		}
	}
}

func TestParseDate(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-29":                "2026-03-29T00:00:00Z",
		"2026-03-29 01:02":          "2026-03-29T01:02:00Z",
		"2026-03-29T01:02:03":       "2026-03-29T01:02:03Z",
		"2026-03-29T01:02:03.5Z":    "2026-03-29T01:02:03.5Z",
		"2026-03-29T01:02:03+02:00": "2026-03-28T23:02:03Z",
		"1970-01-01":                "1970-01-01T00:00:00Z",
		"1969-12-31":                "from 1970-01-01 to 2036-02-07",
		"2036-02-08":                "from 1970-01-01 to 2036-02-07",
		"":                          "write a date such as",
		"2026-02-30":                "write a date such as",
		"29.3.2026":                 "write a date such as",
	} {
		d, err := ParseDate(text)
		got := d.Time.Format(time.RFC3339Nano)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || d.Host || d.Given() != (err == nil) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if d, err := ParseDate("host"); err != nil || !d.Host || !d.Given() {
		t.Errorf("host: %+v, %v", d, err)
	}
}
