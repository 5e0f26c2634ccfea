package mqtt_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// These tests run a device against mosquitto, through the gateway, with Debian's
// mosquitto_pub and mosquitto_sub as the other clients.

// lines collects what a program or a device prints.
type lines struct {
	mu   sync.Mutex
	all  []string
	more chan struct{} // closed at the next line
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lines) list() ([]string, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...), l.more
}

// count returns how many lines there are that begin so.
func (l *lines) count(prefix string) (n int) {
	all, _ := l.list()
	for _, s := range all {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// await waits until n lines begin so.
func (l *lines) await(t testing.TB, n int, prefix string) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		all, more := l.list()
		if l.count(prefix) >= n {
			return
		}
		select {
		case <-more:
		case <-end:
			t.Fatalf("%d lines %q, want %d; the last of %d: %q", l.count(prefix), prefix, n, len(all), all[max(0, len(all)-10):])
		}
	}
}

// mosquitto is a broker at a port of the loopback.
type mosquitto struct {
	t    testing.TB
	port int
	dir  string
	cmd  *exec.Cmd
}

// startMosquitto starts one; config is added to its configuration.
func startMosquitto(t testing.TB, config string) *mosquitto {
	t.Helper()
	for _, name := range []string{"mosquitto", "mosquitto_pub", "mosquitto_sub"} {
		need.Program(t, name)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, port: free.Addr().(*net.TCPAddr).Port, dir: t.TempDir()}
	free.Close()
	config = fmt.Sprintf("listener %d 127.0.0.1\nuser root\nmax_queued_messages 0\n", m.port) + config
	if err := os.WriteFile(filepath.Join(m.dir, "conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	path := need.Program(m.t, "mosquitto")
	m.cmd = exec.Command(path, "-c", filepath.Join(m.dir, "conf"))
	if testing.Verbose() {
		m.cmd.Stderr = os.Stderr
		m.cmd.Args = append(m.cmd.Args, "-v")
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", m.addr()); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	m.t.Fatal("mosquitto does not listen")
}

func (m *mosquitto) addr() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }

func (m *mosquitto) kill() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

// pub publishes; in is its standard input, a message a line, if the arguments say -l.
func (m *mosquitto) pub(in string, args ...string) {
	m.t.Helper()
	cmd := exec.Command("mosquitto_pub", append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(m.port)}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("mosquitto_pub: %v %s", err, out)
	}
}

// sub subscribes and returns the messages, each as "topic payload", when it is subscribed.
func (m *mosquitto) sub(args ...string) *lines {
	m.t.Helper()
	args = append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(m.port), "-v", "-q", "2", "-t", "ready"}, args...)
	cmd := exec.Command("stdbuf", append([]string{"-oL", "mosquitto_sub"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	l := newLines()
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			l.add(s.Text())
		}
		cmd.Wait()
	}()
	m.t.Cleanup(func() { cmd.Process.Kill() })
	for range 100 {
		if l.count("ready") > 0 {
			return l
		}
		m.pub("", append([]string{"-t", "ready", "-m", "yes"}, login(args)...)...)
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatal("mosquitto_sub does not get messages")
	return nil
}

// login returns those of the arguments that name a user.
func login(args []string) (out []string) {
	for i, a := range args {
		if a == "-u" || a == "-P" {
			out = append(out, a, args[i+1])
		}
	}
	return out
}

// run starts a device with a program, in which BROKER and PORT are the broker's, and
// returns what it prints.
func (m *mosquitto) run(program string, options app.Options) (*lines, *app.App) {
	m.t.Helper()
	dir := m.t.TempDir()
	start := fmt.Sprintf("BROKER, PORT = 'host.internal', %d\nlocal function go()\n%s\nend\nwifi.eventmon.register(wifi.eventmon.STA_GOT_IP, go)\n", m.port, program)
	for name, text := range map[string]string{"init.lua": start, "nodemcu-sim.toml": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	options.Dir, options.Net, options.OnPanic, options.Seed = dir, "host", "halt", 1
	a, err := app.New(options)
	if err != nil {
		m.t.Fatal(err)
	}
	l := newLines()
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
				l.add(strings.TrimPrefix(before, "> ")) // the prompt's
			}
		case event.Panic:
			l.add("PANIC " + d.Message)
		case event.Hint:
			l.add("HINT " + d.Text)
		}
	})
	a.World.Clock.SetSpeed(10)
	a.Device.PowerOn()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.World.Clock.Run(clock.Forever, false)
	}()
	m.t.Cleanup(func() {
		a.World.Clock.Stop()
		<-done
		a.Close()
		if n := l.count("PANIC"); n > 0 {
			all, _ := l.list()
			m.t.Errorf("%q", all)
		}
	})
	return l, a
}

// TestMosquittoUser: a wrong password, the right one, a retained message, and what is
// published reaches others.
func TestMosquittoUser(t *testing.T) {
	passwords := filepath.Join(t.TempDir(), "passwords")
	if err := exec.Command(need.Program(t, "mosquitto_passwd"), "-c", "-b", passwords, "lamp", "secret").Run(); err != nil {
		t.Fatal(err)
	}
	m := startMosquitto(t, "allow_anonymous false\npassword_file "+passwords+"\n")
	user := []string{"-u", "lamp", "-P", "secret"}
	m.pub("", append(user, "-t", "state", "-m", "on", "-r")...)
	others := m.sub(append(user, "-t", "up")...)
	device, _ := m.run(`
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
	device.await(t, 1, "message\tstate\ton")
	others.await(t, 1, "up thanks")
	if device.count("failed\t5")+device.count("failed\t4") != 1 {
		all, _ := device.list()
		t.Errorf("the device printed %q", all)
	}
}

// TestMosquittoWill: the link of the device is cut, and somebody else gets its will.
func TestMosquittoWill(t *testing.T) {
	m := startMosquitto(t, "allow_anonymous true\n")
	others := m.sub("-t", "state/#")
	device, _ := m.run(`
		local m = mqtt.Client("lamp", 2)
		m:lwt("state/lamp", "gone", 1, 1)
		m:connect(BROKER, PORT, false, function(m) m:publish("state/lamp", "here", 1, 1) end)
		m:on("offline", function() print("offline") end)
		m:on("puback", function() print("told") end)`, app.Options{LinkDown: []string{"20s-"}})
	device.await(t, 1, "told")
	others.await(t, 1, "state/lamp here")
	others.await(t, 1, "state/lamp gone")
	late := m.sub("-t", "state/#")
	late.await(t, 1, "state/lamp gone") // retained
}

// TestMosquittoRestart: the broker is killed in mid-session and comes back, and the
// device does, too.
func TestMosquittoRestart(t *testing.T) {
	m := startMosquitto(t, "allow_anonymous true\n")
	device, _ := m.run(`
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
	device.await(t, 10, "told")
	m.kill()
	device.await(t, 1, "offline")
	m.start()
	others := m.sub("-t", "count")
	device.await(t, 2, "connected")
	others.await(t, 20, "count ")
}

// messages is how many are counted for each QoS and direction. The soak test has more.
var messages = 300

// batch is how many come without a pause: mosquitto does not wait for acknowledgements, and
// what of those waits on the device takes its heap.
const batch = 100

// heapSlack is how much less heap a device may have at the end than at first, in bytes.
const heapSlack = 200

// TestMosquittoCount counts messages at both ends, for each QoS, and looks at the memory
// of device and host.
func TestMosquittoCount(t *testing.T) {
	m := startMosquitto(t, "allow_anonymous true\nmax_inflight_messages 20\n")
	for qos := range 3 {
		others := m.sub("-t", fmt.Sprintf("up/%d", qos))
		device, _ := m.run(fmt.Sprintf(`
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
				elseif got %% BATCH == 0 then print("got", got) end
				if got == N then
					local tries = 0
					tmr.create():alarm(1000, tmr.ALARM_AUTO, function(t) -- until all is acknowledged
						tries = tries + 1
						if first - free() <= SLACK or tries == 100 then print("heap", first - free()) t:unregister() end
					end)
				end
			end)
			m:on("puback", next)
			m:connect(BROKER, PORT, false, function(m) m:subscribe("down", QOS, function() print("ready") end) end)`, qos, messages, batch, heapSlack),
			app.Options{CPU: "host"})
		device.await(t, 1, "ready")
		began := time.Now()
		m.pub("", "-t", "down", "-m", "start", "-q", fmt.Sprint(qos))
		device.await(t, 1, fmt.Sprintf("sent\t%d", messages))
		others.await(t, messages, fmt.Sprintf("up/%d message", qos))
		t.Logf("QoS %d: %.0f messages a second up", qos, float64(messages)/time.Since(began).Seconds())

		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began = time.Now()
		for n := batch; n <= messages; n += batch {
			m.pub(strings.Repeat("a line of text\n", batch), "-t", "down", "-l", "-q", fmt.Sprint(qos))
			device.await(t, 1, fmt.Sprintf("got\t%d", n))
		}
		t.Logf("QoS %d: %.0f messages a second down", qos, float64(messages)/time.Since(began).Seconds())
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			t.Errorf("QoS %d: the host's heap has grown by %d bytes", qos, grown)
		}

		device.await(t, 1, "heap") // and time for one too many
		if n := others.count(fmt.Sprintf("up/%d message", qos)); n != messages {
			t.Errorf("QoS %d: %d messages arrived, want %d", qos, n, messages)
		}
		all, _ := device.list()
		for _, line := range all {
			var less int
			if n, _ := fmt.Sscanf(line, "heap\t%d", &less); n == 1 && less > heapSlack {
				t.Errorf("QoS %d: the device has %d bytes less", qos, less)
			}
		}
		if device.count("HINT") > 0 {
			t.Errorf("QoS %d: %q", qos, all)
		}
	}
}
