package luaccross

import "github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"

// Module makes a module of an image of the contents of a file, as luac.cross -f does of the
// file of that name.
func Module(name string, data []byte) (lfs.Module, error) {
	p, err := compile(data, "@"+name)
	if err != nil {
		return lfs.Module{}, err
	}
	return lfs.Module{Name: lfs.ModuleName(name), Proto: p}, nil
}
