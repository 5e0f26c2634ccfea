package vm_test

import (
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm/lualib"
)

func openLibs(v *vm.VM) { lualib.Open(v) }
