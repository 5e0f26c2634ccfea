// Package ota tests the example ota-lfs: updates that go well, those that can't, and power
// that goes meanwhile.
package ota

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/internal/readme"
	"github.com/nodemcu-sim/nodemcu-sim/luaccross"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

// files are what the server has, by path.
type files map[string][]byte

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if body, ok := f[r.URL.Path]; ok {
		w.Write(body)
	} else {
		http.NotFound(w, r)
	}
}

// described is a server with an image, and the line that publish.sh writes about it.
func described(version string, image []byte) files {
	return files{"/lfs.img": image, "/version": fmt.Appendf(nil, "%s %d %x\n", version, len(image), sha1.Sum(image))}
}

// next is the image of version 2, which has one module more than the example: extra.
func next(t *testing.T) []byte {
	t.Helper()
	var modules []lfs.Module
	add := func(name string, text []byte) {
		m, err := luaccross.Module(name, text)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, m)
	}
	names, err := filepath.Glob("lfs/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == filepath.Join("lfs", "version.lua") {
			text = []byte("return 2")
		}
		add(filepath.Base(name), text)
	}
	add("extra.lua", []byte("return 'new'"))
	image, err := lfs.Build(modules, lfs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return image.Relocatable()
}

// boot runs the example, with somebody for host.internal.
func boot(t *testing.T, serve func(d *simtest.Device), opts ...simtest.Option) *simtest.Device {
	t.Helper()
	d := simtest.Boot(t, ".", append(opts, simtest.Timeout(5*time.Minute))...)
	d.DNS("host.internal", "192.168.1.20")
	if serve != nil {
		serve(d)
	}
	return d
}

// web is a web server for boot.
func web(f files) func(*simtest.Device) {
	return func(d *simtest.Device) { d.ServeHTTP(d.Peer("192.168.1.20"), 8080, f) }
}

// updates is the watchdog's reset with which a reload ends.
const updates = "node.LFS.reload has written the image"

// has is what lies in flash.
const has = `=require("version") .. " " .. table.concat(node.LFS.list(), " ")`

const (
	version1 = "1 _init console fetch main update version"
	version2 = "2 _init console extra fetch main update version"
)

func expectVersion(t *testing.T, d *simtest.Device, want string) {
	t.Helper()
	if got := d.Lua(has); got != want {
		t.Errorf("in flash are %q, want %q", got, want)
	}
}

func TestUpdate(t *testing.T) {
	d := boot(t, web(described("2", next(t))))
	d.ExpectError(updates)
	d.Expect("version 1\n")
	d.Expect("update:\tto version 2\n")
	d.Expect("version 2\n")
	expectVersion(t, d, version2)
	d.Advance(5 * time.Minute) // it asks again, and leaves it at that
	if out := d.Output(); strings.Contains(out, "update") {
		t.Errorf("printed %q", out)
	}
	if got := d.Lua(`=file.exists("lfs.img"), file.exists("lfs.part")`); got != "true\tfalse" {
		t.Errorf("lfs.img and lfs.part are there: %s", got)
	}
}

// What can't be had, or is not what it should be, changes nothing; what is good a minute
// later is taken.
func TestNoUpdate(t *testing.T) {
	image := next(t)
	damaged := bytes.Clone(image)
	damaged[len(damaged)/2] ^= 1
	withImage := func(b []byte) files { return files{"/lfs.img": b, "/version": described("2", image)["/version"]} }
	noCrypto := simtest.Modules("encoder", "file", "net", "node", "pipe", "tmr", "wifi")
	for name, tt := range map[string]struct {
		files files
		opts  []simtest.Option
		want  string
	}{
		"no version":              {files{}, nil, "update:\tHTTP/1.0 404 Not Found\n"},
		"no such version":         {files{"/version": []byte("<html>")}, nil, "update:\tno version\n"},
		"no image":                {files{"/version": described("2", image)["/version"]}, nil, "update:\tHTTP/1.0 404 Not Found\n"},
		"half":                    {withImage(image[:len(image)/2]), nil, " bytes instead of "},
		"damaged":                 {withImage(damaged), nil, "update:\tanother SHA-1\n"},
		"damaged, without crypto": {withImage(damaged), []simtest.Option{noCrypto}, " on LFS image file\n"},
		"no image, without crypto": {described("2", bytes.Repeat([]byte("no image "), 500)), []simtest.Option{noCrypto},
			"update:\tread error on LFS image file\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := boot(t, web(tt.files), tt.opts...)
			d.Expect(tt.want)
			expectVersion(t, d, version1)
			d.PowerCycle()
			d.Expect("version 1\n")
			d.Expect(tt.want)
			d.ExpectError(updates)
			clear(tt.files)
			for path, body := range described("2", image) {
				tt.files[path] = body
			}
			d.Expect("version 2\n")
			expectVersion(t, d, version2)
		})
	}
}

// silent answers every request with a part of an answer, and then with nothing until hangUp.
type silent struct {
	text   string
	hangUp bool
	done   int
}

func (s *silent) serve(d *simtest.Device) {
	d.Serve(d.Peer("192.168.1.20"), 8080, func(c *simtest.Conn) {
		in := bufio.NewReader(c)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		fmt.Fprint(c, s.text)
		s.done++
		if !s.hangUp {
			in.ReadByte()
		}
	})
}

// A server that is absent, stops in the middle, or says nothing is asked again.
func TestNoServer(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n2 5"
	for name, tt := range map[string]struct {
		serve func(*simtest.Device)
		want  string
	}{
		"nobody":   {nil, "update:\tno answer ("},
		"no port":  {func(d *simtest.Device) { d.Peer("192.168.1.20") }, "update:\tno answer ("},
		"hangs up": {(&silent{text: head, hangUp: true}).serve, "update:\t97 bytes are missing\n"},
		"stops":    {(&silent{text: head}).serve, "update:\tnothing comes\n"},
		"no head":  {(&silent{text: strings.Repeat("HTTP ", 500)}).serve, "update:\ta head without an end\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := boot(t, tt.serve)
			d.Expect(tt.want)
			d.Expect(tt.want)
			expectVersion(t, d, version1)
		})
	}
}

// Power goes in the middle of the download: the old image boots, and the next attempt
// succeeds.
func TestCutInDownload(t *testing.T) {
	good := described("2", next(t))
	half := false
	d := boot(t, func(d *simtest.Device) {
		d.Serve(d.Peer("192.168.1.20"), 8080, func(c *simtest.Conn) {
			in := bufio.NewReader(c)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body := good[r.URL.Path]
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
			if r.URL.Path == "/lfs.img" && !half {
				c.Write(body[:len(body)/2])
				half = true
				in.ReadByte()
				return
			}
			c.Write(body)
		})
	})
	d.ExpectError(updates)
	d.Run(func() bool { return half }, time.Minute)
	d.Advance(time.Second)
	d.PowerCycle()
	d.Expect("version 1\n")
	expectVersion(t, d, version1)
	d.Expect("version 2\n")
	expectVersion(t, d, version2)
}

// Flash that a cut has left erased is written from the file that is still there.
func TestCutInReload(t *testing.T) {
	d := boot(t, nil, simtest.Files(map[string]string{
		"lfs.img":          string(next(t)),
		"nodemcu-sim.toml": "[firmware]\nmodules = [\"+pipe\"]\n[lfs]\nsize = 0x20000\n",
	}))
	d.ExpectError(updates)
	d.Expect("No LFS image loaded")
	d.Expect("version 2\n")
	expectVersion(t, d, version2)
}

func TestConsole(t *testing.T) {
	d := boot(t, nil)
	c, err := d.Dial(23)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	expect := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		for i := range got {
			if got[i], err = in.ReadByte(); err != nil || got[i] != want[i] {
				t.Fatalf("got %q, error %v, want %q", got[:i+1], err, want)
			}
		}
	}
	expect("version 1\n> ")
	for _, line := range [][2]string{
		{"=1 + 1\r\n", "2\n> "},
		{"\xff\xfd\x03\xff\xfb\x18x = {1,\n2}\nprint(#x)\n", ">> > 2\n> "}, // with what telnet says first
		{"for i = 1, 400 do print('line ' .. i) end\n", strings.Join(lines(400), "") + "> "},
	} {
		fmt.Fprint(c, line[0])
		expect(line[1])
	}
	other, err := d.Dial(23)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := bufio.NewReader(other).ReadString('\n'); err != nil || text != "somebody else is here\n" {
		t.Errorf("the second gets %q, error %v", text, err)
	}
	c.Close()
	d.Advance(time.Second)
	if got := d.Lua("=2 + 2"); got != "4" { // the port has the output again
		t.Errorf("at the serial port: %q", got)
	}
	if c, err = d.Dial(23); err != nil {
		t.Fatal(err)
	}
	in = bufio.NewReader(c)
	expect("version 1\n> ")
}

func lines(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("line %d\n", i+1))
	}
	return all
}

// What README.md says makes an image that the device takes.
func TestReadme(t *testing.T) {
	need.Program(t, "openssl")
	dir := filepath.Join(t.TempDir(), "ota-lfs")
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	page := readme.Page{File: "README.md", Dir: dir}
	if n := page.Run(t); n != 1 {
		t.Fatalf("%d commands in the README", n)
	}
	made := files{}
	for _, name := range []string{"version", "lfs.img"} {
		text, err := os.ReadFile(filepath.Join(dir, "public", name))
		if err != nil {
			t.Fatal(err)
		}
		made["/"+name] = text
	}
	d := boot(t, web(made))
	d.ExpectError(updates)
	d.Expect("update:\tto version 2\n")
	d.Expect("version 2\n")
	expectVersion(t, d, strings.Replace(version1, "1", "2", 1))
}
