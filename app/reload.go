package app

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// Reload is a device's directory as it is now, ready to go to the device.
type Reload struct {
	Device *device.Device

	of  *source
	src *hostdir.Dir      // closed; it knows where the files are
	now map[string]string // content by flash name

	store *store // nil: without a Lua Flash Store
}

// contents copies what is in a file system.
func contents(f *flash.FS) map[string]string {
	out := map[string]string{}
	for _, s := range f.List() {
		data, _ := f.Peek("/FLASH/" + s.Name)
		out[s.Name] = string(data)
	}
	return out
}

// Reload reads directory i of Dirs anew. It may be called from any goroutine; the
// methods of what it returns belong to the world's. Like New it fails, with one
// line, on a directory that does not fit and on an init.lua that does not compile.
func (a *App) Reload(i int) (*Reload, error) {
	of := a.sources[i]
	src, err := hostdir.Open(of.dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	size := of.device.Board.FS.Size
	store := of.store
	if store != nil {
		size = store.layout.Size
		if store, err = store.again(of.dir); err != nil {
			return nil, err
		}
	}
	f := flash.New(size)
	if _, err := src.Load(f, of.left()); err != nil {
		return nil, err
	}
	if err := checkInit(of.dir, f); err != nil {
		return nil, err
	}
	return &Reload{of.device, of, src, contents(f), store}, nil
}

// Files lists the files that have changed, come or gone in the directory since it
// was last loaded, unless the device has them so already because it wrote them
// itself.
func (r *Reload) Files() []string {
	var names []string
	for name, data := range r.now {
		if was, ok := r.of.loaded[name]; (!ok || was != data) && !r.has(name, data) {
			names = append(names, name)
		}
	}
	for name := range r.of.loaded {
		if _, ok := r.now[name]; ok {
			continue
		}
		if _, there := r.Device.Flash.Peek("/FLASH/" + name); there {
			names = append(names, name)
		}
	}
	if r.store != nil {
		names = append(names, r.store.changed(r.of.inStore)...)
	}
	slices.Sort(names)
	return names
}

// has reports whether the device's file has this content.
func (r *Reload) has(name, data string) bool {
	got, ok := r.Device.Flash.Peek("/FLASH/" + name)
	return ok && string(got) == data
}

// Input is what the device is told of the change.
func (r *Reload) Input() input.Files {
	var in input.Files
	if s := r.store; s != nil && len(s.changed(r.of.inStore)) > 0 {
		in.Store = input.Region{Address: s.layout.LFSAddress, Size: s.layout.LFSSize, Data: s.bytes()}
	}
	for _, name := range r.Files() {
		data, ok := r.now[name]
		if _, was := r.of.loaded[name]; !ok && !was {
			continue // of the store
		}
		in.Changed = append(in.Changed, input.File{Name: name, Data: []byte(data), Gone: !ok})
	}
	return in
}

// Loaded notes that the device has the files.
func (r *Reload) Loaded() {
	r.of.loaded = r.now
	if r.store != nil {
		r.of.inStore = r.store.files
	}
	if r.of.sinkIsDir {
		r.of.sink.Adopt(r.src)
	}
}
