package structs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

const hex = `function H(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end `

func TestStruct(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"a C struct: char b; int i[4], aligned to 4", `s = struct.pack("<!4biiii", 1, 2, 3, 4, 5) print(#s, struct.size("<!4biiii"), H(s:sub(1, 8)), struct.unpack("<!4biiii", s))`,
			"20\t20\t0100000002000000\t1\t2\t3\t4\t5\t21"},
		{"a string behind its length", `s = struct.pack("Bc0", 5, "hello") print(#s, struct.unpack("Bc0", s .. "and more"))`, "6\thello\t7"},
		{"a field of fixed width", `print(struct.pack("c5", "ab" .. (" "):rep(5)) == "ab   ")`, "true"},
		{"a number as text", `print(struct.pack("I", 0x41424344))`, "DCBA"},
		{"doubles up to a zero", `s = struct.pack("dddd", 1, 2.5, -3, 0) i = 1 repeat d, i = struct.unpack("d", s, i) print(d, i) until d == 0`, "1\t9\n2.5\t17\n-3\t25\n0\t33"},
		{"sizes", `print(struct.size("i"), struct.size("bhlTfd"), struct.size("!bhlTfd"), struct.size("i3 >i2"), struct.size(""))`, "4\t23\t24\t5\t0"},
		{"sizes are 32 bits", `print(struct.size("c2147483647c2147483647"))`, "-2"},
		{"big and little endian", `print(H(struct.pack(">i4<i4>d", 1, 1, 1)))`, "00000001010000003ff0000000000000"},
		{"numbers are cut to 32 bits", `print(H(struct.pack("i5I8", -1, 2^40 + 3)))`, "ffffffff000300000000000000"},
		{"not a number", `print(H(struct.pack("fd", 0/0, 0/0)), struct.unpack("f", struct.pack("f", 0/0)))`, "0000c07f000000000000f87f\tnan\t5"},
		{"an alignment of 3 bytes, as the firmware has it", `print(struct.size("!b i3"), struct.size("!8bbi3"))`, "6\t5"},
		{"limits", `for _, f in ipairs{"i33", "i2147483648", "!6", "y"} do print(pcall(struct.pack, f, 1)) end`,
			"false\tintegral size 33 is larger than limit of 32\nfalse\tintegral size overflow\nfalse\talignment 6 is not a power of 2\nfalse\tbad argument #1 to '?' (invalid format option 'y')"},
		{"c0 without a number", `print(pcall(struct.unpack, "c0", "abc")) print(pcall(struct.unpack, "sc0", "a\0b"))`,
			"false\tformat `c0' needs a previous size\nfalse\tformat `c0' needs a previous size"},
		{"c0 takes the string itself for the number", `print(struct.unpack("c0", "0")) print(pcall(struct.unpack, "c0", "3"))`,
			"1\nfalse\tbad argument #2 to '?' (data string too short)"},
		{"a zero byte ends the format", `print(struct.size("b\0b"))`, "1"},
		{"before the string lies its length", `print(struct.unpack("i", "abcd", -3)) print(struct.unpack("h", "abcd", 0)) print(pcall(struct.unpack, "b", "abcd", -1))`,
			"4\t1\n24832\t2\nfalse\tbad argument #2 to '?' (data string too short)"},
		{"the names", `for k, v in pairs(struct) do print(k, type(v)) end`, "pack\tfunction\nunpack\tfunction\nsize\tfunction"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			x.Run(hex)
			if got := x.Run(tt.lua); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// What was given hints for, and the resets.
func said(x *terminal.Terminal) (out string) {
	for _, e := range x.Events {
		switch d := e.Data.(type) {
		case event.Hint:
			out += d.Text + "\n"
		case event.Reset:
			out += fmt.Sprintln("reset:", d.Reason)
		}
	}
	return out
}

func TestBeforeTheString(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run(`for i = 1, 3 do struct.unpack("b", "abc", 0) end`)
	if got, want := said(x), "struct.unpack was given a position before the string: it returned what lies there in the device's memory\n"; got != want {
		t.Errorf("%q", got)
	}
}

// A length of nearly 4 GB, and one of 2 GB.
func TestExceptions(t *testing.T) {
	for _, src := range []string{
		`struct.unpack("bc0", "\255abc")`,
		`struct.unpack("c2147483647", "abc", -2147483646)`,
	} {
		x := terminal.New(t, nil, Module)
		x.Run(src)
		x.Wait(clock.Second)
		if got := said(x); !strings.HasPrefix(got, "struct.unpack makes a string of ") || !strings.HasSuffix(got, "reset: exception reset\n") {
			t.Errorf("%s: %q", src, got)
		}
	}
}

// quote is s as a string of Lua's.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		fmt.Fprintf(&b, "\\%03d", s[i])
	}
	return b.String() + `"`
}

// FuzzUnpack makes sure that no format, no string and no position brings the host down,
// and that unpack takes as many bytes as size says.
func FuzzUnpack(f *testing.F) {
	for _, s := range []struct {
		format, data string
		pos          int
	}{
		{"<!4biiii", strings.Repeat("\x01", 20), 1}, {"Bc0", "\x05hello", 1}, {"bc0", "\xffhello", 1}, {"!8bd>f", strings.Repeat("ab", 20), 3},
		{"i32I9h", strings.Repeat("\xff", 50), 0}, {"ss", "a\x00b\x00", 2}, {"c2147483647", "abc", -2147483646}, {"c100", "abc", -99}, {"!!!c0", "3", 1}, {"i0x x", "ab", -1},
	} {
		f.Add(s.format, s.data, s.pos)
	}
	f.Fuzz(func(t *testing.T, format, data string, pos int) {
		if len(format) > 50 || len(data) > 200 {
			return
		}
		x := terminal.New(t, map[string]string{"f.lua": fmt.Sprintf(`local f, s, pos = %s, %s, %d
			local from = pcall(struct.unpack, f, s, pos)
			local r = {pcall(struct.unpack, f, s)}
			local ok, size = pcall(struct.size, f)
			print(r[1] and ok and size + 1 ~= r[#r] and size or "same")`, quote(format), quote(data), pos)}, Module)
		got := x.Run(`dofile("f.lua")`)
		if got != "same" && !strings.Contains(said(x), "exception") {
			t.Errorf("unpack(%q, %q): %s", format, data, got)
		}
	})
}
