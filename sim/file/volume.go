package file

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

const volumeSize = 4 // bytes: volume_type, a pointer (fw: app/modules/file.c)

// volume is what is in a file.vol.
type volume struct{}

// mount is file.mount(drive[, pin]). The flash is always mounted; mounting it
// again succeeds.
func (m *module) mount(c *vm.Call) int {
	drive := c.String(1)
	c.OptInt(2, -1)
	if !onFlash(drive) {
		return 0
	}
	return c.Return(c.VM.NewObject(m.vol, volumeSize, &volume{}))
}

// umount is file.vol:umount(). The flash cannot be unmounted.
func (m *module) umount(c *vm.Call) int {
	c.Object(1, m.vol)
	return c.ReturnBool(false)
}

// chdir is file.chdir(directory). The flash has only its top directory.
func (m *module) chdir(c *vm.Call) int {
	dir, ok := strings.CutPrefix(c.String(1), "/FLASH")
	return c.ReturnBool(dir == "" || ok && dir == "/")
}

// onFlash reports whether a path names the flash drive (myspiffs_realm).
func onFlash(path string) bool {
	return strings.HasPrefix(path, "/FLASH") || !strings.HasPrefix(path, "/")
}
