package app

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
)

// Reload is a device's directory as it is now, ready to go to the device.
type Reload struct {
	Device *device.Device

	of  *source
	src *hostdir.Dir      // closed; it knows where the files are
	now map[string]string // content by flash name
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
	f := flash.New(of.device.Board.FS.Size)
	if _, err := src.Load(f, of.exclude); err != nil {
		return nil, err
	}
	if err := checkInit(of.dir, f); err != nil {
		return nil, err
	}
	return &Reload{of.device, of, src, contents(f)}, nil
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
		if _, ok := r.now[name]; !ok && r.Device.Flash.Exists("/FLASH/"+name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// has reports whether the device's file has this content.
func (r *Reload) has(name, data string) bool {
	got, ok := r.Device.Flash.Peek("/FLASH/" + name)
	return ok && string(got) == data
}

// Apply resets the device and brings the changed files to it. Files that the
// program has written stay. The error says that they do not fit beside those.
func (r *Reload) Apply() error {
	names := r.Files()
	d := r.Device
	d.Emit(event.Note{Text: "files have changed: " + strings.Join(names, ", ")})
	d.Reset(device.ExternalReset)
	for _, name := range names {
		path := "/FLASH/" + name
		data, ok := r.now[name]
		var err error
		if !ok {
			err = d.Flash.Remove(path)
		} else {
			err = d.Flash.Put(path, []byte(data))
		}
		if err != nil {
			return err
		}
	}
	r.of.loaded = r.now
	if r.of.sinkIsDir {
		r.of.sink.Adopt(r.src)
	}
	return nil
}
