// Package node is the firmware module node: the system as a whole (fw:
// docs/modules/node.md, app/modules/node.c of release 3.0).
//
// The functions are in files by subject: system.go (identity, reset, sleep,
// clock), info.go (versions and build), startup.go (what happens at boot), lfs.go
// (the Lua Flash Store), reload.go (the loader of its images), partitions.go, console.go
// (input and output of the interpreter, compiling), task.go (tasks and errors), memory.go
// (heap and collector).
//
// Of the Lua Flash Store (oracle: lfs-behaviour.md):
//
//   - It has a partition if the project says so ([lfs]), or the program with
//     node.setpartitiontable. What lies there outlives resets. device.LFS tells what the boot
//     has found, and runs what is in it.
//   - node.LFS.reload looks at the file twice: whatever is wrong is found before anything is
//     written. It takes 25 KB of the heap in pieces of 2 KB, and when it has written the image
//     it has the watchdog reset the device: node.bootreason() is 4, 3 then.
//   - node.LFS.get returns a new closure each time, and asking for a name costs a comparison
//     for each module before it.
//   - An image that is damaged where the boot does not look crashes the device when the
//     program gets there.
//
// What the loader takes of the CPU is an estimate. node.sleep raises the error of a build without PMSLEEP_ENABLE.
// startupcounts is there, as in a build with PLATFORM_STARTUP_COUNT; osprint, which is
// for builds with DEVELOPMENT_TOOLS, is not.
package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is node as release 3.0 has it.
var Module = device.Module{Name: "node", Open: open}

type module struct {
	dev    *device.Device
	output vm.Ref
	// handingOver: the output function of a legacy build is running.
	handingOver bool
	counts      []startupCount
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d}
	m.count("pmain", 0)
	v := d.VM
	number := func(name string, n int) vm.Const { return vm.Const{Name: name, Value: vm.Number(n)} }
	return &device.Lib{
		Funcs: []vm.Func{ // in the firmware's order: a name costs what stands before it
			{Name: "heap", Fn: m.heap},
			{Name: "info", Fn: m.info},
			{Name: "task"},
			{Name: "flashreload", Fn: m.flashreload},
			{Name: "flashindex", Fn: m.flashindex},
			{Name: "LFS"},
			{Name: "setonerror", Fn: m.setonerror},
			{Name: "startupcommand", Fn: m.startupcommand},
			{Name: "startup", Fn: m.startup},
			{Name: "restart", Fn: m.restart},
			{Name: "dsleep", Fn: m.dsleep},
			{Name: "dsleepMax", Fn: m.dsleepMax},
			{Name: "sleep", Fn: m.sleep},
			{Name: "startupcounts", Fn: m.startupcounts},
			{Name: "chipid", Fn: m.chipid},
			{Name: "flashid", Fn: m.flashid},
			{Name: "flashsize", Fn: m.flashsize},
			{Name: "input", Fn: m.input},
			{Name: "output", Fn: m.setOutput},
			{Name: "compile", Fn: m.compile},
			{Name: "CPU80MHZ"},
			{Name: "CPU160MHZ"},
			{Name: "setcpufreq", Fn: m.setcpufreq},
			{Name: "getcpufreq", Fn: m.getcpufreq},
			{Name: "bootreason", Fn: m.bootreason},
			{Name: "restore", Fn: m.restore},
			{Name: "random", Fn: m.random},
			{Name: "stripdebug", Fn: m.stripdebug},
			{Name: "egc"},
			{Name: "getpartitiontable", Fn: m.getpartitiontable},
			{Name: "setpartitiontable", Fn: m.setpartitiontable},
		},
		Consts: []vm.Const{
			{Name: "task", Value: v.NewROMTable("node.task", []vm.Func{{Name: "post", Fn: m.post}}, []vm.Const{
				number("LOW_PRIORITY", int(ets.Low)),
				number("MEDIUM_PRIORITY", int(ets.Medium)),
				number("HIGH_PRIORITY", int(ets.High)),
			})},
			{Name: "LFS", Value: m.lfs()},
			number("CPU80MHZ", 80),
			number("CPU160MHZ", 160),
			{Name: "egc", Value: m.egc()},
		},
	}
}
