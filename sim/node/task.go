package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// post is node.task.post([priority,] fn).
func (m *module) post(c *vm.Call) int {
	p, at := int(ets.Medium), 1
	if _, ok := c.Arg(1).(vm.Number); ok {
		p, at = c.Int(1), 2
		if p < int(ets.Low) || p > int(ets.High) {
			c.ArgError(1, "invalid  priority")
		}
	}
	if !m.dev.PostLua(ets.Priority(p), "task", c.Function(at)) {
		c.Error("%s", ets.TaskQueueFull)
	}
	return 0
}

// setonerror is node.setonerror([fn]).
func (m *module) setonerror(c *vm.Call) int {
	fn, _ := c.Arg(1).(*vm.Function)
	m.dev.SetOnError(fn)
	return 0
}
