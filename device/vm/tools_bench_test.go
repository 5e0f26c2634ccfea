package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// full is a program whose data, about 40 KB, fill a heap as those of an app do: tables
// of all shapes, strings, closures, and functions of the program with their code.
const full = `
local Sensor = {}
Sensor.__index = Sensor
function Sensor:read() self.n = self.n + 1 return self.n end
function Sensor:name() return self.label .. " " .. self.id end
function Sensor.new(id) return setmetatable({id = id, n = 0, label = "sensor " .. id}, Sensor) end

routes = {}
function route(path, f) routes[path] = f end
function serve(method, path)
  local f = routes[path]
  if method ~= "GET" or not f then return 404, "no page " .. path end
  local ok, body = pcall(f, path)
  if not ok then return 500, "error: " .. body end
  return 200, body
end

sensors, history, config, queue = {}, {}, {ssid = "home", pwd = "secret", host = "broker.lan", port = 1883}, {}
for i = 1, 35 do
  local s = Sensor.new(i)
  sensors[i] = s
  route("/sensor/" .. i, function(path) return s:name() .. " at " .. path .. ": " .. s:read() end)
  queue[i] = {topic = "home/" .. i .. "/temp", payload = tostring(20 + i / 10), done = function() s.n = 0 end}
end
for i = 1, 32 do history[i] = i / 4 end
for i = 1, 16 do config["option" .. i] = "value " .. i end
`

func fullHeap(t testing.TB) *vm.VM {
	v := tracked(t, nil)
	load(t, v, full, "@full.lua")
	v.Collect()
	return v
}

// BenchmarkFullMark is one full collection of such a heap.
func BenchmarkFullMark(b *testing.B) {
	v := fullHeap(b)
	v.SetQuick(false)
	for b.Loop() {
		v.Collect()
	}
	b.ReportMetric(float64(v.Heap().Used()), "heap_bytes")
}

// BenchmarkUsageFull is a look at it that changes nothing, BenchmarkSnapshotFull
// one that lists every object.
func BenchmarkUsageFull(b *testing.B) {
	v := fullHeap(b)
	for b.Loop() {
		v.Usage()
	}
}

func BenchmarkSnapshotFull(b *testing.B) {
	v := tracked(b, &vm.Recorder{Allocations: true})
	load(b, v, full, "@full.lua")
	for b.Loop() {
		v.HeapSnapshot(nil).Dominate()
	}
}
