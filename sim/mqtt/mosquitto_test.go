package mqtt_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/mosquitto"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// These tests run a device against mosquitto, through the gateway.

// run starts a device with a program, in which BROKER and PORT are the broker's, and
// returns what it prints.
func run(t *testing.T, b *mosquitto.Broker, program string, options app.Options) *mosquitto.Lines {
	t.Helper()
	return runBuild(t, b, program, options, "")
}

// runBuild is run with a project file.
func runBuild(t *testing.T, b *mosquitto.Broker, program string, options app.Options, project string) *mosquitto.Lines {
	t.Helper()
	dir := t.TempDir()
	start := fmt.Sprintf("BROKER, PORT = 'host.internal', %d\nlocal function go()\n%s\nend\nwifi.eventmon.register(wifi.eventmon.STA_GOT_IP, go)\n", b.Port, program)
	for name, text := range map[string]string{"init.lua": start, "nodemcu-sim.toml": project} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options.Dir, options.Net, options.OnPanic, options.Seed = dir, "host", "halt", 1
	a, err := app.New(options)
	if err != nil {
		t.Fatal(err)
	}
	l := mosquitto.NewLines()
	line := ""
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			line += strings.ReplaceAll(d.Text, "\r", "")
			for {
				before, after, ok := strings.Cut(line, "\n")
				if !ok {
					break
				}
				line = after
				l.Add(strings.TrimPrefix(before, "> ")) // the prompt's
			}
		case event.Panic:
			l.Add("PANIC " + d.Message)
		case event.Hint:
			l.Add("HINT " + d.Text)
		}
	})
	a.World.Clock.SetSpeed(10)
	a.Device.PowerOn()
	t.Cleanup(func() {
		a.Close()
		if n := l.Count("PANIC"); n > 0 {
			t.Errorf("%q", l.List())
		}
	})
	chiptest.Live(t, a.World)
	return l
}

// TestMosquittoUser: a wrong password, the right one, a retained message, and what is
// published reaches others.
func TestMosquittoUser(t *testing.T) {
	passwords := filepath.Join(t.TempDir(), "passwords")
	if err := exec.Command(need.Program(t, "mosquitto_passwd"), "-c", "-b", passwords, "lamp", "secret").Run(); err != nil {
		t.Fatal(err)
	}
	m := mosquitto.Start(t, "allow_anonymous false\npassword_file "+passwords+"\n")
	user := []string{"-u", "lamp", "-P", "secret"}
	m.Pub("", append(user, "-t", "state", "-m", "on", "-r")...)
	others := m.Sub(append(user, "-t", "up")...)
	device := run(t, m, `
		local function start(password)
			local m = mqtt.Client("lamp", 30, "lamp", password, 1)
			m:on("message", function(m, topic, data) print("message", topic, data) m:publish("up", "thanks", 1, 1) end)
			m:connect(BROKER, PORT, false, function(m)
				print("connected", password)
				m:subscribe("state", 1)
			end, function(_, code)
				print("failed", code)
				tmr.create():alarm(100, 0, function() start("secret") end)
			end)
		end
		start("wrong")`, app.Options{})
	device.Await(t, 1, "message\tstate\ton")
	others.Await(t, 1, "up thanks")
	if device.Count("failed\t5")+device.Count("failed\t4") != 1 {
		t.Errorf("the device printed %q", device.List())
	}
}

// TestMosquittoWill: the link of the device is cut, and somebody else gets its will.
func TestMosquittoWill(t *testing.T) {
	m := mosquitto.Start(t, "allow_anonymous true\n")
	others := m.Sub("-t", "state/#")
	device := run(t, m, `
		local m = mqtt.Client("lamp", 2)
		m:lwt("state/lamp", "gone", 1, 1)
		m:connect(BROKER, PORT, false, function(m) m:publish("state/lamp", "here", 1, 1) end)
		m:on("offline", function() print("offline") end)
		m:on("puback", function() print("told") end)`, app.Options{LinkDown: []string{"20s-"}})
	device.Await(t, 1, "told")
	others.Await(t, 1, "state/lamp here")
	others.Await(t, 1, "state/lamp gone")
	late := m.Sub("-t", "state/#")
	late.Await(t, 1, "state/lamp gone") // retained
}

// TestMosquittoRestart: the broker is killed in mid-session and comes back, and the
// device does, too.
func TestMosquittoRestart(t *testing.T) {
	m := mosquitto.Start(t, "allow_anonymous true\n")
	device := run(t, m, `
		local m = mqtt.Client("counter", 10, "", "", 1)
		local up, n = false, 0
		local function connect()
			m:connect(BROKER, PORT, false, function() up = true print("connected") end,
				function(_, code) print("failed", code) tmr.create():alarm(1000, 0, connect) end)
		end
		m:on("offline", function() print("offline") if up then up = false tmr.create():alarm(1000, 0, connect) end end)
		tmr.create():alarm(200, tmr.ALARM_AUTO, function()
			if up then n = n + 1 m:publish("count", n, 1, 0, function() print("told", n) end) end
		end)
		connect()`, app.Options{})
	device.Await(t, 10, "told")
	m.Kill()
	device.Await(t, 1, "offline")
	m.Restart()
	others := m.Sub("-t", "count")
	device.Await(t, 2, "connected")
	others.Await(t, 20, "count ")
}

// messages is how many are counted for each QoS and direction. The soak test has more.
var messages = 300

// batch is how many come without a pause: mosquitto does not wait for acknowledgements, and
// what of those waits on the device takes its heap.
const batch = 100

// heapSlack is how much less heap a device may have at the end than at first, in bytes.
const heapSlack = 1000

// TestMosquittoCount counts messages at both ends, for each QoS, and looks at the memory
// of device and host.
func TestMosquittoCount(t *testing.T) {
	m := mosquitto.Start(t, "allow_anonymous true\nmax_inflight_messages 20\n")
	for qos := range 3 {
		others := m.Sub("-t", fmt.Sprintf("up/%d", qos))
		device := run(t, m, fmt.Sprintf(`
			local QOS, N, BATCH, SLACK = %d, %d, %d, %d
			local m = mqtt.Client("counter" .. QOS, 60, "", "", 1)
			local got, sent, first = 0, 0
			local function free() collectgarbage() collectgarbage() return node.heap() end
			local function next(m)
				if sent == N then print("sent", sent) return end
				sent = sent + 1
				m:publish("up/" .. QOS, "message " .. sent, QOS, 0)
			end
			m:on("message", function(_, _, data)
				got = got + 1
				if data == "start" then got = 0 first = free() next(m)
				elseif got %% BATCH == 0 then
					local n, tries = got, 0
					tmr.create():alarm(500, tmr.ALARM_AUTO, function(t) -- until all is acknowledged
						tries = tries + 1
						local less = first - free()
						if less <= SLACK or tries == 100 then print("got", n, less) t:unregister() end
					end)
				end
			end)
			m:on("puback", next)
			m:connect(BROKER, PORT, false, function(m) m:subscribe("down", QOS, function() print("ready") end) end)`, qos, messages, batch, heapSlack),
			app.Options{CPU: "host"})
		device.Await(t, 1, "ready")
		began := time.Now()
		m.Pub("", "-t", "down", "-m", "start", "-q", fmt.Sprint(qos))
		device.Await(t, 1, fmt.Sprintf("sent\t%d", messages))
		others.Await(t, messages, fmt.Sprintf("up/%d message", qos))
		t.Logf("QoS %d: %.0f messages a second up", qos, float64(messages)/time.Since(began).Seconds())

		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began = time.Now()
		for n := batch; n <= messages; n += batch {
			m.Pub(strings.Repeat("a line of text\n", batch), "-t", "down", "-l", "-q", fmt.Sprint(qos))
			device.Await(t, 1, fmt.Sprintf("got\t%d\t", n))
		}
		t.Logf("QoS %d: %.0f messages a second down", qos, float64(messages)/time.Since(began).Seconds())
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			t.Errorf("QoS %d: the host's heap has grown by %d bytes", qos, grown)
		}

		if n := others.Count(fmt.Sprintf("up/%d message", qos)); n != messages {
			t.Errorf("QoS %d: %d messages arrived, want %d", qos, n, messages)
		}
		for _, line := range device.List() {
			var got, less int
			if n, _ := fmt.Sscanf(line, "got\t%d\t%d", &got, &less); n == 2 && less > heapSlack {
				t.Errorf("QoS %d: after %d messages the device has %d bytes less", qos, got, less)
			}
		}
		if device.Count("HINT") > 0 {
			t.Errorf("QoS %d: %q", qos, device.List())
		}
	}
}

// TestMosquittoTLS: with TLS, a certificate that is verified, and a name and password; a
// message of several records' length in both directions. A broker that the certificate does
// not fit is refused.
func TestMosquittoTLS(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca.pem", "rsa.pem", "rsa.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(tlspeer.PEM(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	passwords := filepath.Join(dir, "passwords")
	if err := exec.Command(need.Program(t, "mosquitto_passwd"), "-c", "-b", passwords, "lamp", "secret").Run(); err != nil {
		t.Fatal(err)
	}
	port := mosquitto.FreePort(t)
	m := mosquitto.Start(t, fmt.Sprintf("allow_anonymous false\npassword_file %s\nlistener %d 127.0.0.1\ncertfile %s/rsa.pem\nkeyfile %s/rsa.key\ntls_version tlsv1.2\n", passwords, port, dir, dir))
	user := []string{"-u", "lamp", "-P", "secret"}
	others := m.Sub(append(user, "-t", "up")...)
	device := runBuild(t, m, fmt.Sprintf(`
		local function start(ca, what)
			tls.cert.verify(function(k) if k == 1 then return ca end end)
			local m = mqtt.Client("lamp", 30, "lamp", "secret", 1, 3000)
			m:on("message", function(m, topic, data) print("message", #data) m:publish("up", ("x"):rep(500), 1, 0) end)
			m:on("puback", function(m) print("told") m:close() end)
			m:connect(BROKER, %d, true, function(m)
				print("connected", what, node.heap() > 15000)
				m:subscribe("down", 1, function() print("ready") end)
			end, function(_, code)
				print("failed", what, code)
				tmr.create():alarm(100, 0, function() start([[%s]], "right") end)
			end)
		end
		start([[%s]], "wrong")`, port, tlspeer.PEM(t, "ca.pem"), tlspeer.PEM(t, "client.pem")),
		app.Options{}, "[firmware]\nssl = true\n")
	device.Await(t, 1, "failed\twrong\t-5")
	device.Await(t, 1, "connected\tright\ttrue")
	device.Await(t, 1, "ready")
	m.Pub("", append(user, "-t", "down", "-m", strings.Repeat("y", 2000), "-q", "1")...)
	device.Await(t, 1, "message\t2000")
	device.Await(t, 1, "told")
	others.Await(t, 1, "up "+strings.Repeat("x", 500))
	device.Await(t, 1, "told")
	if n := device.Count("HINT the TLS handshake with"); n != 1 {
		t.Errorf("%q", device.List())
	}
}
