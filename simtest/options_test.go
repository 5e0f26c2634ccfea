package simtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(file)
	}
	syntax, toml, empty := write("syntax/init.lua", "\nx ="), write("toml/nodemcu-sim.toml", "board = 5"), write("outer/app/init.lua", "")
	for _, test := range []struct {
		dir  string
		opts []simtest.Option
		want string
	}{
		{"none", nil, "cannot open the directory none: no such file or directory; give the directory that holds init.lua"},
		{"simtest_test.go", nil, "simtest_test.go is not a directory"},
		{"", nil, "no directory: give the one that holds init.lua, or option Files"},
		{filepath.Dir(empty), nil, "outer has no init.lua: nothing runs by itself, the device has its prompt; " + empty + " has one (option NoInit, if that is meant)"},
		{"", []simtest.Option{simtest.Files(map[string]string{"a.lua": ""})}, "no init.lua among the files"},
		{syntax, nil, "init.lua:2: unexpected symbol"},
		{toml, nil, "nodemcu-sim.toml:1"},
		{"", []simtest.Option{program("x =")}, "init.lua:1: unexpected symbol"},
		{"", []simtest.Option{program(""), simtest.Board("d2")}, `"d2"`},
		{"", []simtest.Option{program(""), simtest.Heap(5)}, "Heap: heap.size = 5: write"},
		{"", []simtest.Option{program(""), simtest.Heap(0)}, "Heap 0"},
		{"", []simtest.Option{program(""), simtest.Modules("nte")}, `"nte"`},
		{"", []simtest.Option{program(""), simtest.Modules("net", "+tmr")}, "give all modules a +"},
		{"", []simtest.Option{program(""), simtest.CPU("z80")}, `CPU "z80": use esp8266 or host`},
		{"", []simtest.Option{program(""), simtest.Link("loss")}, "Link: "},
		{"", []simtest.Option{program(""), simtest.LinkDown("now")}, "LinkDown: "},
		{"", []simtest.Option{program(""), simtest.WiFiDown("now")}, "WiFiDown: "},
		{"", []simtest.Option{program(""), simtest.Net("near")}, `Net "near": use host, isolated or allow=`},
		{"", []simtest.Option{program(""), simtest.Speed(0)}, "Speed 0"},
		{"", []simtest.Option{program(""), simtest.Timeout(0)}, "Timeout 0s"},
		{"", []simtest.Option{program(""), simtest.Date(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))}, "Date \"1900"},
		{"", []simtest.Option{program(""), simtest.Files(map[string]string{strings.Repeat("n", 40): ""})}, "Files"},
		{"", []simtest.Option{simtest.FS(os.DirFS("none"))}, "FS: "},
		{"", []simtest.Option{simtest.Files(nil)}, "no directory"},
	} {
		d, err := simtest.New(test.dir, test.opts...)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want …%s…", test.dir, err, test.want)
		}
		f := within(func(t testing.TB) { simtest.Boot(t, test.dir, test.opts...) })
		if err != nil && fmt.Sprint(f.messages) != fmt.Sprintf("[simtest: %v]", err) {
			t.Errorf("%s: Boot says %q", test.dir, f.messages)
		}
	}
}

func TestOptions(t *testing.T) {
	d := simtest.Boot(t, "", simtest.FS(fstest.MapFS{
		"init.lua": {Data: []byte("dofile('sub/x.lua')")}, "sub/x.lua": {Data: []byte("print('from sub')")}, ".git/x": {Data: []byte("no")},
		"nodemcu-sim.toml": {Data: []byte("board = \"esp-01\"\nchip_id = 5\npublish = [\"1:80\"]")},
	}), simtest.Board("d1-mini"), simtest.Heap(40000), simtest.Modules("node", "file", "sntp", "rtctime", "net", "wifi", "tmr"),
		simtest.Date(time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)), simtest.CPU("host"), simtest.Legacy(), simtest.TrackAllocations())
	d.Expect("from sub")
	d.Advance(10 * time.Second)
	d.Type("sntp.sync(nil, function(s) print('synced', s) end)\n")
	d.Expect("synced\t1904281")
	if got := d.Lua("node.chipid(), file.exists('init.lua'), file.exists('.git/x'), gpio"); got != "5\ttrue\tfalse\tnil" {
		t.Errorf("the device is %q", got)
	}
	if got := d.Now().Format(time.RFC3339); !strings.HasPrefix(got, "2030-05-06T07:08:") {
		t.Errorf("it is %s", got)
	}
	if m := d.Heap(); m.Total != 40000 || m.Free < 10000 || m.Free > 40000 || m.Low > m.Free || len(m.Leaks) > 0 {
		t.Errorf("%+v", m)
	}
	if s := d.HeapSnapshot(); !s.Tracked || s.Board != "wemos-d1-mini" || s.Heap.Size != 40000 {
		t.Errorf("the snapshot is of %+v", s.Heap)
	}
	quiet := simtest.Boot(t, "../examples/blink", simtest.NoInit())
	quiet.Advance(time.Second)
	if got := quiet.Output(); strings.Contains(got, "init.lua") || !strings.HasSuffix(got, "\n> ") {
		t.Errorf("without init.lua it prints %q", got)
	}
	if got := quiet.Lua("file.exists('init.lua')"); got != "true" {
		t.Errorf("init.lua is there: %s", got)
	}
	// Files lie over a directory's.
	over := simtest.Boot(t, "../examples/blink", program("print('mine')"))
	over.Expect("mine")
}
