//go:build soak && linux

package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/cputime"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// count is a writer that only counts.
type count int

func (c *count) Write(p []byte) (int, error) { *c += count(len(p)); return len(p), nil }

// What a program does to itself costs the host 3 s of its CPU at most, and 8 MB of log.
func TestSoakSlowPrograms(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		seconds   clock.Duration
	}{
		{"string.rep", `node.egc.setmode(node.egc.NOT_ACTIVE) while true do tmr.wdclr() string.rep("x", 1000) end`, 30},
		{"string.rep in a timer", `node.egc.setmode(node.egc.NOT_ACTIVE) tmr.create():alarm(1, tmr.ALARM_AUTO, function() for i = 1, 2000 do string.rep("x", i % 1000) end end)`, 30},
		{"timers", `t = {} for i = 1, 10000 do t[i] = tmr.create() t[i]:alarm(1000, tmr.ALARM_AUTO, function() end) end`, 30},
		{"timers that nobody knows", `for i = 1, 10000 do tmr.create():alarm(1000, tmr.ALARM_AUTO, function() end) end`, 30},
		{"timers, NOT_ACTIVE", `node.egc.setmode(node.egc.NOT_ACTIVE) pcall(function() for i = 1, 10000 do tmr.create():alarm(1, tmr.ALARM_AUTO, function() end) end end)`, 30},
		{"load", `load(function() return "\n" end)`, 30},
		{"load, watched", `load(function() tmr.wdclr() return "\n" end)`, 30},
		{"loadstring", `local src = "return {" .. ("1,"):rep(1000) .. "}" local function work() loadstring(src) node.task.post(work) end work()`, 30},
		{"loadstring of a function", `local s = string.dump(loadstring("local a = 1 " .. ("a = a + 1 "):rep(300))) local function work() loadstring(s) node.task.post(work) end work()`, 30},
		{"node.compile", `local f = file.open("m.lua", "w") f:write("return {" .. ("1,"):rep(600) .. "}") f:close() local function work() node.compile("m.lua") node.task.post(work) end work()`, 10},
		{"a decoder", `local j = "[" .. ("[1],"):rep(200) .. "1]" local function work() local d = sjson.decoder() d:write(j) node.task.post(work) end work()`, 30},
		{"decode and encode", `local t = {} for i = 1, 300 do t[i] = "s" .. i end local js = sjson.encode(t) local function work() sjson.decode(js) node.task.post(work) end work()`, 30},
		{"file.list", `for i = 1, 200 do local f = file.open("f" .. i, "w") f:close() end local function work() file.list() node.task.post(work) end work()`, 30},
		{"natives that call each other", `local s = "" for i = 0, 27 do s = s .. ",[5*2^" .. i .. "]=1" end local t = loadstring("return {1,2,3,4" .. s .. "}")() table.foreachi(t, math.randomseed)`, 30},
		{"writes to a full file system", `local f = file.open("a", "w") tmr.create():alarm(10, tmr.ALARM_AUTO, function() for i = 1, 50 do f:write(("x"):rep(1000)) end end)`, 60},
		{"files in a full file system", `local n = 0 tmr.create():alarm(1, tmr.ALARM_AUTO, function() for i = 1, 20 do n = n + 1 local f = file.open("f" .. n, "w") if f then f:write("x") f:close() end end end)`, 60},
		{"a list of many files", `for n = 1, 4000 do tmr.wdclr() local f = file.open("f" .. n, "w") if f then f:write("x") f:close() end end tmr.create():alarm(1, tmr.ALARM_AUTO, function() pcall(file.list) file.exists("f100") file.fsinfo() end)`, 10},
		{"a log in a file", `tmr.create():alarm(10, tmr.ALARM_AUTO, function() local f = file.open("log", "a") if f then f:write(("x"):rep(50)) f:close() end end)`, 60},
		{"errors in setonerror", `node.setonerror(function() error("again") end) tmr.create():alarm(1, tmr.ALARM_SINGLE, function() error("first") end)`, 10},
		{"errors in setonerror that grow", `node.setonerror(function(e) error(e) end) tmr.create():alarm(1, tmr.ALARM_SINGLE, function() error("first") end)`, 10},
		{"errors in setonerror that differ", `local n = 0 node.setonerror(function() n = n + 1 error(n .. ("x"):rep(1000)) end) tmr.create():alarm(1, tmr.ALARM_SINGLE, function() error("first") end)`, 10},
	} {
		for _, kept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, flash kept %v", tt.name, kept), func(t *testing.T) {
				dir, flashDir := write(t, map[string]string{"init.lua": tt.src, "nodemcu-sim.toml": "[firmware]\nmodules = [\"file\", \"node\", \"sjson\", \"tmr\"]\n"}), ""
				if kept {
					flashDir = filepath.Join(t.TempDir(), "flash")
					if err := os.Mkdir(flashDir, 0o777); err != nil {
						t.Fatal(err)
					}
				}
				a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1, CPU: "esp8266", FlashDir: flashDir})
				if err != nil {
					t.Fatal(err)
				}
				var logged count
				a.World.Subscribe((&observe.Log{Device: &logged, Events: &logged}).Handle)
				before := cputime.Used()
				a.Device.PowerOn()
				for a.World.Clock.Now() < clock.At(tt.seconds*clock.Second) && cputime.Used()-before < 20*time.Second {
					a.World.Clock.RunUntil(a.World.Clock.Now().Add(clock.Second / 8))
				}
				took := cputime.Used() - before
				a.Close()
				t.Logf("%.1f s of the host's CPU for %.0f s, %d KB of log", took.Seconds(), a.World.Clock.Now().Seconds(), logged>>10)
				if took > 3*time.Second || logged > 8<<20 {
					t.Errorf("%.1f s of the host's CPU for %.0f s, %d KB of log", took.Seconds(), a.World.Clock.Now().Seconds(), logged>>10)
				}
			})
		}
	}
}
