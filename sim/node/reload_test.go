package node_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// small is an image of one module.
func small(t testing.TB) *lfs.Image { return image(t, newTime, "m.lua", "return 'a text', 1.5, ...") }

// zipped makes a file of what a loader finds in one.
func zipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain is what is compressed in the file of an image.
func plain(t testing.TB, i *lfs.Image) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(i.Relocatable()))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withFile is a chip with a file "lfs.img".
func withFile(t testing.TB, file []byte, lua ...string) *chip {
	t.Helper()
	x := newChip(t, regionSize, lua...)
	if err := x.device.Flash.WriteFile("lfs.img", file); err != nil {
		t.Fatal(err)
	}
	return x
}

// What a reload takes of the heap at its peak are ten blocks of 2 KB, one of 2,128 bytes, one
// of 1,048, and 1,460 of the inflater's; when it fails all of it is given back.
func TestReloadMemory(t *testing.T) {
	file := small(t).Relocatable()
	file[len(file)-5]++ // the checksum
	x := withFile(t, file, `collectgarbage() before = node.heap() print(node.LFS.reload("lfs.img")) collectgarbage() print(before - node.heap()) print(before)`)
	var left, before int
	if _, err := fmt.Sscanf(x.boot(), "No LFS image loaded\nchecksum error on LFS image file\n%d\n%d\n", &left, &before); err != nil || left != 0 {
		t.Errorf("%d bytes are left; %v", left, err)
	}
	peak := before - x.device.VM.Heap().Low()
	const least = 10*2048 + 2128 + 1048 + 1460
	if peak < least || peak > least+40*16 {
		t.Errorf("it took %d bytes, want %d and headers", peak, least)
	}
}

// With less than that it says so, and the image that is there stays.
func TestReloadWithoutMemory(t *testing.T) {
	x := withFile(t, small(t).Relocatable(), `local t = {} while node.heap() > 20000 do t[#t + 1] = ("x"):rep(1000) .. #t end print(node.LFS.reload("lfs.img")) print(#t > 0, node.LFS.time, node.heap() > 17000)`)
	x.load(image(t, oldTime, "old.lua", "return 1").At(mappedAt))
	if out := x.boot(); out != "E:M 2064\nMemory allocation error\ntrue\t1600000000\ttrue\n" {
		t.Errorf("it prints %q", out)
	}
}

// A reload takes the device's time: it reads the file twice, erases the sectors that the
// image needs, and waits for the watchdog. What lies behind the image stays.
func TestReloadTime(t *testing.T) {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "x%d = 'number %d of many'\n", i, i*7919)
	}
	big := image(t, newTime, "big.lua", b.String())
	sectors := (big.Size() + 4095) / 4096
	x := withFile(t, big.Relocatable(), `print(node.LFS.reload("lfs.img"))`, show)
	x.device.Flash.Raw().WriteAt([]byte("stays"), regionAt+sectors*4096)
	x.device.Flash.Raw().WriteAt([]byte("goes"), regionAt+sectors*4096-4)
	var written, reset clock.Time
	x.world.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			if strings.Contains(d.Text, "LFS region updated") {
				written = e.Time
			}
		case event.Reset:
			reset = e.Time
		}
	})
	if out := x.boot(); !strings.HasSuffix(out, "\nbig\n1700000000\n") {
		t.Fatalf("it prints %q", out)
	}
	took := written.Sub(clock.At(device.DefaultBootDelay))
	if least := clock.Duration(sectors) * 30 * clock.Millisecond; took < least+100*clock.Millisecond || took > least+3*clock.Second {
		t.Errorf("%d sectors took %v µs", sectors, took)
	}
	if wait := reset.Sub(written); wait < 1600*clock.Millisecond || wait > 3200*clock.Millisecond {
		t.Errorf("the watchdog came after %v µs", wait)
	}
	var end [5]byte
	if x.device.Flash.Raw().ReadAt(end[:], regionAt+sectors*4096); string(end[:]) != "stays" {
		t.Errorf("behind the image lies %q", end)
	}
}

// Streams that no compressor makes: the loader's own errors, and where it would write
// beyond its memory the device crashes.
func TestReloadOddStreams(t *testing.T) {
	good := plain(t, image(t, newTime, "m.lua", strings.Repeat("x = 'a text' .. 1.5\n", 400)))
	length := func(file []byte, n int) []byte {
		binary.LittleEndian.PutUint32(file[len(file)-4:], uint32(n))
		return file
	}
	pad := func(file []byte) []byte { return append(file, make([]byte, 256)...) }
	// What nothing can compress twice: the second time it is more than 16 KB behind.
	const words = 0x2200
	far := encoded([]uint32{lfs.Signature, 4 * words})
	noise := make([]byte, 4*words/2-4)
	for i, r := 0, rand.New(rand.NewPCG(5, 6)); i < len(noise); i++ {
		noise[i] = byte(r.Uint32())
	}
	far = append(append(append(far, noise...), noise...), make([]byte, words/8)...)
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"ends in the middle", length(pad(zipped(t, good)[:len(zipped(t, good))-20]), len(good)), "exception"},
		{"longer than it says", length(zipped(t, append(append([]byte{}, good...), make([]byte, 5000)...)), len(good)), "exception"},
		{"refers too far back", zipped(t, far), "invalid dictionary offset on inflate"},
		{"no stream", pad([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00\x07")), "read error on LFS image file"},
		{"200 bytes", make([]byte, 200), "read error on LFS image file"},
	} {
		x := withFile(t, tt.file, `print(node.LFS.reload("lfs.img"))`, show)
		x.load(image(t, oldTime, "old.lua", "return 1").At(mappedAt))
		crashed := false
		x.world.Subscribe(func(e world.Event) {
			if r, ok := e.Data.(event.Reset); ok && r.Reason == device.Exception.Text {
				crashed = true
			}
		})
		out := x.boot()
		if crashed != (tt.want == "exception") || !crashed && out != tt.want+"\n" || crashed && out != "old\n1600000000\n" {
			t.Errorf("%s: crashed %v, %q", tt.name, crashed, out)
		}
	}
}

// Images that are damaged somewhere end in a message or in a crash of the device, never in
// one of ours, and neither hang nor grow: in a file whose checksum is right, and in flash.
func TestDamagedImages(t *testing.T) {
	good := small(t)
	r := rand.New(rand.NewPCG(3, 4))
	data, words := plain(t, good), good.At(mappedAt)
	for i := range 80 {
		broken := bytes.Clone(data)
		if i < 32 {
			broken[i] ^= byte(1 << r.IntN(8)) // each byte of the header
		} else {
			broken[r.IntN(len(broken))] ^= byte(1 << r.IntN(8))
		}
		x := withFile(t, zipped(t, broken), `if node.bootreason() == 1 then node.LFS.reload("lfs.img") end`,
			`local f = node.LFS.get("m") pcall(f) pcall(node.LFS.list) pcall(debug.getstrings, "ROM")`)
		x.boot()
		flashed := bytes.Clone(encoded(words))
		flashed[r.IntN(len(flashed))] ^= byte(1 << r.IntN(8))
		y := newChip(t, regionSize, `local f = node.LFS.get("m") pcall(f) pcall(node.LFS.list)`, ``)
		y.device.Flash.Raw().WriteAt(flashed, regionAt)
		y.boot()
	}
}

func encoded(words []uint32) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// An image that the checks at power-on believe and that is damaged crashes the device
// when the program gets there, and a hint has said why.
func TestDamagedStore(t *testing.T) {
	x := newChip(t, regionSize, `print("before") print(node.LFS.get("m")) print("after")`, `print("again")`)
	words := small(t).At(mappedAt)
	words[9] = 0x40299990 // in the string table
	x.load(words)
	var hints []string
	x.world.Subscribe(func(e world.Event) {
		if h, ok := e.Data.(event.Hint); ok {
			hints = append(hints, h.Text)
		}
	})
	if out := x.boot(); out != "before\nagain\n" {
		t.Errorf("it prints %q", out)
	}
	if len(hints) < 2 || !strings.Contains(hints[0], "is damaged") || !strings.Contains(hints[1], "exception") {
		t.Errorf("hints %q", hints)
	}
}

// A partition that is moved finds what lies there, and the image again when it is moved back.
func TestMovedStore(t *testing.T) {
	set := func(n int) string {
		return fmt.Sprintf("if node.bootreason() ~= 3 then %s node.setpartitiontable{lfs_addr = %d} end", show, n)
	}
	x := newChip(t, regionSize, set(regionAt+0x4000), set(regionAt), show)
	x.load(small(t).At(mappedAt))
	var seen []string
	for line := range strings.Lines(x.boot()) {
		if !strings.HasPrefix(line, "Partition ") && line != "\n" {
			seen = append(seen, strings.TrimSpace(line))
		}
	}
	want := "m,1700000000,<reboot by watchdog>,No LFS image loaded,nil,nil,<reboot by watchdog>,m,1700000000"
	if got := strings.Join(seen, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// imagesSet is where the measured images lie (oracle: lfs-images.json): the set is luaccross's.
const imagesSet = "../../luaccross/testdata/lfs-images.json"

// Every measured image of luac.cross goes through the firmware's loader, and then lies in flash
// as luac.cross makes it for that place; the next boot finds its modules.
func TestMeasuredImages(t *testing.T) {
	data, err := os.ReadFile(imagesSet)
	if err != nil {
		t.Fatal(err)
	}
	set := oracle.Decode[struct {
		Images []struct {
			ID    string
			Time  int64
			Reloc struct {
				Image []byte `json:"image_b64"`
			}
			Facts struct{ Modules []string }
		}
	}](t, data)
	loaded := 0
	for _, i := range set.Images {
		if len(i.Reloc.Image) == 0 {
			continue
		}
		known, err := lfs.Read(i.Reloc.Image)
		if err != nil {
			t.Fatalf("%s: %v", i.ID, err)
		}
		x := newChip(t, 0x80000-regionSize, `print(node.LFS.reload("lfs.img"))`, `print(table.concat(node.LFS.list(), ","), node.LFS.time)`)
		if err := x.device.Flash.WriteFile("lfs.img", i.Reloc.Image); err != nil {
			t.Fatal(err)
		}
		modules := slices.Sorted(slices.Values(i.Facts.Modules))
		want := fmt.Sprintf("No LFS image loaded\nLFS region updated.  Restarting.\n<reboot by watchdog>\n%s\t%d\n", strings.Join(modules, ","), i.Time)
		if out := x.boot(); out != want {
			t.Errorf("%s: %.300q, want %.300q", i.ID, out, want)
			continue
		}
		words := known.At(mappedAt)
		words[0] &^= lfs.Absolute
		got := make([]byte, 4*len(words))
		if x.device.Flash.Raw().ReadAt(got, regionAt); !bytes.Equal(got, encoded(words)) {
			t.Errorf("%s does not lie in flash as luac.cross makes it", i.ID)
		}
		loaded++
	}
	if loaded < 10 {
		t.Errorf("%d images", loaded)
	}
}

// What the firmware's text does not say is a hint: that an image is a plain one, or was cut off.
func TestReloadHints(t *testing.T) {
	whole := image(t, newTime, "m.lua", strings.Repeat("x = 'a text' .. 1.5\n", 400)).Relocatable()
	for _, tt := range []struct {
		file []byte
		want string
	}{
		{small(t).Absolute(mappedAt), "this one is plain (luac -a)"},
		{whole[:len(whole)-8], "not transferred to its end"},
	} {
		x := withFile(t, tt.file, `node.LFS.reload("lfs.img")`)
		var hints []string
		x.world.Subscribe(func(e world.Event) {
			if h, ok := e.Data.(event.Hint); ok {
				hints = append(hints, h.Text)
			}
		})
		if x.boot(); len(hints) != 1 || !strings.Contains(hints[0], tt.want) {
			t.Errorf("hints %q, want %q", hints, tt.want)
		}
	}
}
