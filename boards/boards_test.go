package boards

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestBoards holds the profiles against the table of boards they were written
// from.
func TestBoards(t *testing.T) {
	tests := []struct {
		name   string
		flash  int // MB
		mode   string
		clocks int
		pins   string
		adc    float64
		leds   []int
	}{
		{"esp-01", 1, "qio", 1, "3 4 9 10", 0, []int{1}},
		{"nodemcu-v1", 4, "dio", 2, "0 1 2 3 4 5 6 7 8 9 10 11 12", 3.3, []int{2, 16}},
		{"sonoff-basic", 1, "dout", 1, "9 10", 0, []int{13}},
		{"wemos-d1-mini", 4, "dio", 2, "0 1 2 3 4 5 6 7 8 9 10", 3.3, []int{2}},
		{"wemos-d1-mini-lite", 1, "dout", 2, "0 1 2 3 4 5 6 7 8 9 10", 3.3, []int{2}},
		{"wemos-d1-mini-pro", 16, "dio", 2, "0 1 2 3 4 5 6 7 8 9 10", 3.3, []int{2}},
	}
	names := Names()
	var rows []string
	for _, tt := range tests {
		rows = append(rows, tt.name)
	}
	if !slices.Equal(names, rows) {
		t.Fatalf("profiles %v\nrows here %v", names, rows)
	}
	for i, tt := range tests {
		b, err := Load(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if names[i] != tt.name || b.Name != tt.name {
			t.Errorf("%s is called %s, listed as %s", tt.name, b.Name, names[i])
		}
		var leds []int
		for _, p := range b.Parts {
			if p.Kind == "led" {
				leds = append(leds, p.GPIO)
				if !p.ActiveLow {
					t.Errorf("%s: LED on GPIO%d is not active low", tt.name, p.GPIO)
				}
			}
		}
		pins := ""
		for _, p := range b.Pins {
			pins += " " + strconv.Itoa(p.Index)
		}
		if b.Flash.Size != tt.flash<<20 || b.Flash.Mode != tt.mode || len(b.CPU.Clocks) != tt.clocks ||
			strings.TrimSpace(pins) != tt.pins || b.ADC.FullScale != tt.adc || len(leds) != len(tt.leds) {
			t.Errorf("%s: %+v", tt.name, b)
		}
		for j := range leds {
			if leds[j] != tt.leds[j] {
				t.Errorf("%s: LEDs on %v, want %v", tt.name, leds, tt.leds)
			}
		}
		if b.CPU.MHz != 80 || b.CPU.Instruction != 1.03 || b.Heap.Size == 0 || len(b.Firmware.Modules) == 0 {
			t.Errorf("%s lacks what the chip gives: %+v", tt.name, b)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, b := range All() {
		for _, name := range append([]string{b.Name}, b.Aliases...) {
			if seen[name] != "" {
				t.Errorf("%s is both %s and %s", name, seen[name], b.Name)
			}
			seen[name] = b.Name
		}
	}
}

func TestLoad(t *testing.T) {
	for alias, want := range map[string]string{"NodeMCU": "nodemcu-v1", "d1-mini": "wemos-d1-mini", "esp01": "esp-01", "sonoff": "sonoff-basic", Default: "nodemcu-v1"} {
		if b, err := Load(alias); err != nil || b.Name != want {
			t.Errorf("Load(%q) = %v, %v; want %s", alias, b, err, want)
		}
	}
	_, err := Load("esp32")
	var unknown *UnknownError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "nodemcu-v1") {
		t.Errorf("Load(esp32): %v", err)
	}
}

// TestLoadIsACopy makes sure that one device's changes do not reach another's
// board.
func TestLoadIsACopy(t *testing.T) {
	a, _ := Load(Default)
	b, _ := Load(Default)
	if !reflect.DeepEqual(a, b) || a == b {
		t.Fatal("two loads are not the same, or are one")
	}
	var apart func(path string, x, y reflect.Value)
	apart = func(path string, x, y reflect.Value) {
		switch x.Kind() {
		case reflect.Struct:
			for i := range x.NumField() {
				apart(path+"."+x.Type().Field(i).Name, x.Field(i), y.Field(i))
			}
		case reflect.Slice:
			if x.Len() > 0 && x.Pointer() == y.Pointer() {
				t.Errorf("two loads share %s", path)
			}
			for i := range x.Len() {
				apart(path+"[]", x.Index(i), y.Index(i))
			}
		case reflect.Pointer, reflect.Map, reflect.Interface:
			t.Errorf("%s: the test does not know how to compare a %s", path, x.Kind())
		}
	}
	apart("board", reflect.ValueOf(*a), reflect.ValueOf(*b))
}

func TestParseErrors(t *testing.T) {
	good, err := files.ReadFile("esp-01.toml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ old, new, want string }{
		{`mode = "qio"`, `mode = "fast"`, `:21: flash.mode = "fast"`},
		{`mode = "qio"`, `mod = "qio"`, `:21: unknown key "mod"; known in [flash]: size, mode, id`},
		{`clocks = [80]`, `clocks = [90]`, `cpu.clocks`},
		{`clocks = [80]`, `clocks = [160]`, `cpu.mhz = 80`},
		{`gpio = 3,`, `gpio = 4,`, `:11: pin[2]: pin 9 is GPIO3, not GPIO4`},
		{`index = 9`, `index = 13`, `:11: pin[2]: pin numbers are 0 to 12`},
		{`index = 9, gpio = 3`, `index = 4, gpio = 2`, `:11: pin[2]: pin 4 is listed twice`},
		{`size = 0x80000`, `size = 0x7fff0`, `fs.size`},
		{`size = 0x80000`, `size = 0x82000`, `fs.size`},
		{`size = 0x100000`, `size = 1000000`, `flash.size`},
		{`kind = "led"`, `kind = "lamp"`, `part[0].kind: no part is a "lamp"`},
		{`title =`, `titel =`, `unknown key "titel"`},
		{`name = "esp-01"`, ``, `a board needs a name`},
	}
	for _, tt := range tests {
		doc := strings.Replace(string(good), tt.old, tt.new, 1)
		if doc == string(good) {
			t.Fatalf("%q is not in esp-01.toml", tt.old)
		}
		_, err := Parse("my.toml", []byte(doc))
		if err == nil || !strings.HasPrefix(err.Error(), "my.toml") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s → %s: got %v, want …%s…", tt.old, tt.new, err, tt.want)
		}
	}
}

func TestADC(t *testing.T) {
	b, _ := Load("wemos-d1-mini")
	for volts, want := range map[float64]int{0: 0, -1: 0, 1.65: 512, 3.3: 1024, 5: 1024} {
		if got := b.ADC.Read(volts); got != want {
			t.Errorf("%v V reads %d, want %d", volts, got, want)
		}
	}
	none, _ := Load("sonoff-basic")
	if none.ADC.Read(1) != 0 || none.ADC.Max() != 0 {
		t.Error("a board without an ADC reads one")
	}
}
