package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/mosquitto"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// How fast clients are, with real servers on this computer, at --cpu host and --speed max.
// While a connection to the host is open, the world keeps to wall time, so what counts is
// the simulated network's latency and the firmware's habit of waiting for each answer.

// BenchmarkMQTT counts messages a second through mosquitto, from the device to
// mosquitto_sub and from mosquitto_pub to the device.
func BenchmarkMQTT(b *testing.B) {
	for qos := range 3 {
		b.Run(fmt.Sprintf("up/QoS%d", qos), func(b *testing.B) {
			m, others := mqttClient(b, qos)
			b.ResetTimer()
			m.Pub("", "-t", "down", "-m", fmt.Sprint("send ", b.N), "-q", fmt.Sprint(qos))
			others.Await(b, b.N, "up/message")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
	for qos := range 3 {
		b.Run(fmt.Sprintf("down/QoS%d", qos), func(b *testing.B) {
			// More at a time than the device's heap has room for answers would be lost.
			const batch = 100
			m, others := mqttClient(b, qos)
			in := m.PubLines("--nodelay", "-t", "down", "-q", fmt.Sprint(qos))
			b.ResetTimer()
			for sent := 0; sent < b.N; sent += batch {
				n := min(batch, b.N-sent)
				fmt.Fprint(in, strings.Repeat("a line of text\n", n-1)+"last\n")
				others.Await(b, sent/batch+1, "up/got")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			if got, want := others.List(), fmt.Sprint("up/got ", b.N); got[len(got)-1] != want {
				b.Errorf("the last of %d lines is %q, want %q", len(got), got[len(got)-1], want)
			}
		})
	}
}

// mqttClient starts a broker and a device that has subscribed to "down". To "send N" there
// it sends N messages, to "last" how many messages have come.
func mqttClient(b *testing.B, qos int) (*mosquitto.Broker, *mosquitto.Lines) {
	m := mosquitto.Start(b, "allow_anonymous true\nmax_inflight_messages 20\nset_tcp_nodelay true\n")
	others := m.Sub("-t", "up/#")
	dir := write(b, map[string]string{project.FileName: "", "init.lua": fmt.Sprintf(`
		local QOS = %d
		local m = mqtt.Client("bench", 60, "", "", 1)
		local left, got = 0, 0
		local function next(m)
			if left == 0 then return end
			left = left - 1
			m:publish("up/message", "a line of text", QOS, 0)
		end
		m:on("puback", next)
		m:on("message", function(_, _, data)
			local n = data:match("^send (%%d+)")
			if n then left = tonumber(n) next(m) return end
			got = got + 1
			if data == "last" then m:publish("up/got", got, QOS, 0) end
		end)
		wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
			m:connect("host.internal", %d, false, function(m)
				m:subscribe("down", QOS, function() m:publish("up/ready", "yes", QOS, 0) end)
			end, print)
		end)`, qos, m.Port)})
	start(b, Options{Dir: dir, Net: "host", CPU: "host", OnPanic: "halt", Seed: 1}, clock.Max)
	others.Await(b, 1, "up/ready")
	return m, others
}

// BenchmarkGET counts HTTP GETs a second with the module http, one after the other, at a
// server of Go's library.
func BenchmarkGET(b *testing.B) {
	var served atomic.Int64
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 500))
		switch served.Add(1) {
		case 1:
			b.ResetTimer()
		case int64(b.N) + 1:
			close(done)
		}
	}))
	b.Cleanup(server.Close)
	dir := write(b, map[string]string{project.FileName: "[firmware]\nmodules = [\"http\", \"tmr\", \"wifi\"]\n", "init.lua": fmt.Sprintf(`
		local function go(code, body)
			if code ~= 200 or #body ~= 500 then error("code " .. code) end
			http.get("%s/", nil, go)
		end
		wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function() go(200, ("x"):rep(500)) end)`,
		strings.Replace(server.URL, "127.0.0.1", "192.168.1.1", 1))})
	_, output := start(b, Options{Dir: dir, Net: "host", CPU: "host", OnPanic: "halt", Seed: 1}, clock.Max)
	select {
	case <-done:
	case <-time.After(time.Minute):
		b.Fatalf("%d of %d requests came: %s", served.Load(), b.N+1, output())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "GET/s")
	if s := output(); strings.Contains(s, "anic") || strings.Contains(s, "rror") {
		b.Error(s)
	}
}
