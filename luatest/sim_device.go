package luatest

import (
	"path/filepath"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// maxDevices is how many further devices a test may make.
const maxDevices = 50

// simDevice has sim.device: a further device in the same world.
func (r *run) simDevice() []vm.Func {
	return []vm.Func{{Name: "device", Fn: func(c *vm.Call) int {
		c.Table(1)
		o := optionsOf(c, 1, "sim.device", "dir", "board")
		dir := o.text("dir", "")
		if dir == "" {
			o.wrong("dir", "the directory of its app, from the directory of the test file")
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(r.f.out.Path), dir)
		}
		if len(device.In(r.app.World)) > maxDevices {
			c.Error("sim.device: there are %d devices, and no more can be made", maxDevices)
		}
		board := o.text("board", "")
		if board == "" {
			board = r.f.o.Board
		}
		var inStore []app.StoreFile
		d, err := r.app.Add(app.Options{Dir: dir, Board: board, CPU: r.f.o.CPU, Seed: r.f.out.Seed, Exclude: r.f.o.exclude(),
			InStore: func(files []app.StoreFile) { inStore = files }, Prepare: func(cfg *device.Config) { r.f.cover(dir, cfg, inStore) }})
		if err != nil {
			c.Error("sim.device: %v", err)
		}
		r.sim.log.Names = true
		r.terminalOf(d)
		d.PowerOn()
		return returns(c, object{r.sim.types.device, d})
	}}}
}

// deviceType is sim.device.
func (r *run) deviceType() *vm.Type {
	t := &vm.Type{Name: "sim.device"}
	self := func(c *vm.Call) *device.Device { return c.Object(1, t).(*device.Device) }
	t.Methods = append(r.terminalFuncs(2, self),
		vm.Func{Name: "reset", Fn: func(c *vm.Call) int {
			self(c).PressReset()
			return 0
		}},
		vm.Func{Name: "name", Fn: func(c *vm.Call) int { return c.ReturnString(self(c).Name()) }},
		vm.Func{Name: "address", Fn: func(c *vm.Call) int {
			if p, ok := address(self(c)); ok {
				return c.ReturnString(p.Addr().String())
			}
			return c.ReturnNil()
		}},
	)
	return t
}
