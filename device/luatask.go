package device

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// TaskQueueFull is the error of a task that finds no room (oracle:
// net-constants.json task_queue_per_priority).
const TaskQueueFull = "Task queue overflow. Task not posted"

// PostLua queues a Lua function as a task: it is called, protected, with its
// priority as argument (fw: luaL_posttask). what names it in events. It reports
// false when the queue is full.
func (d *Device) PostLua(p Priority, what string, fn *vm.Function) bool {
	v := d.VM
	ref := v.Ref(fn, what)
	posted := d.PostTask(p, func() {
		f := v.Deref(ref)
		v.Unref(&ref)
		d.Run(what, f, vm.Number(p))
	})
	if !posted {
		v.Unref(&ref)
	}
	return posted
}
