package rfc2217

import (
	"bytes"
	"reflect"
	"testing"
)

func TestConversation(t *testing.T) {
	var s Server
	for _, tt := range []struct {
		name string
		in   string
		want Taken
	}{
		{"data", "=1\r\n", Taken{Data: []byte("=1\r\n")}},
		{"a byte 255 of the data", "a\xff\xffb", Taken{Data: []byte("a\xffb")}},
		{"options that the server takes", "\xff\xfb\x00\xff\xfd\x00\xff\xfd\x01\xff\xfb\x03",
			Taken{Reply: []byte("\xff\xfd\x00\xff\xfb\x00\xff\xfb\x01\xff\xfd\x03")}},
		{"options that it does not", "\xff\xfb\x18\xff\xfd\x1f", Taken{Reply: []byte("\xff\xfe\x18\xff\xfc\x1f")}},
		{"what the client does not want", "\xff\xfc\x18\xff\xfe\x1f", Taken{}},
		{"the option, and the board's modem lines", "\xff\xfb\x2c", Taken{Reply: []byte("\xff\xfd\x2c\xff\xfa\x2c\x6b\x00\xff\xf0")}},
		{"the option again", "\xff\xfd\x2c", Taken{Reply: []byte("\xff\xfb\x2c")}},
		{"speed", "\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0", Taken{Baud: 9600, Reply: []byte("\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0")}},
		{"which one", "\xff\xfa\x2c\x01\x00\x00\x00\x00\xff\xf0", Taken{Reply: []byte("\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0")}},
		{"a speed with a byte 255", "\xff\xfa\x2c\x01\x00\x00\xff\xff\x00\xff\xf0", Taken{Baud: 65280, Reply: []byte("\xff\xfa\x2c\x65\x00\x00\xff\xff\x00\xff\xf0")}},
		{"bits, which?", "\xff\xfa\x2c\x02\x00\xff\xf0", Taken{Reply: []byte("\xff\xfa\x2c\x66\x08\xff\xf0")}},
		{"seven bits", "\xff\xfa\x2c\x02\x07\xff\xf0", Taken{Reply: []byte("\xff\xfa\x2c\x66\x07\xff\xf0")}},
		{"nine bits are none", "\xff\xfa\x2c\x02\x09\xff\xf0", Taken{Reply: []byte("\xff\xfa\x2c\x66\x07\xff\xf0")}},
		{"RTS on, DTR off, RTS off, in one piece", "\xff\xfa\x2c\x05\x0b\xff\xf0\xff\xfa\x2c\x05\x09\xff\xf0\xff\xfa\x2c\x05\x0c\xff\xf0",
			Taken{Lines: []Lines{{RTS: true}, {RTS: true}, {}},
				Reply: []byte("\xff\xfa\x2c\x69\x0b\xff\xf0\xff\xfa\x2c\x69\x09\xff\xf0\xff\xfa\x2c\x69\x0c\xff\xf0")}},
		{"purge", "\xff\xfa\x2c\x0c\x03\xff\xf0", Taken{Purge: true, Reply: []byte("\xff\xfa\x2c\x70\x03\xff\xf0")}},
		{"nothing to answer", "\xff\xfa\x2c\x08\xff\xf0", Taken{}},
		{"signature", "\xff\xfa\x2c\x00\xff\xf0", Taken{Reply: []byte("\xff\xfa\x2c\x64nodemcu-sim\xff\xf0")}},
		{"a command that is cut", "\xff\xfa\x2c\x01\x00\xff\xf0x", Taken{Data: []byte("x")}},
		{"another option's", "\xff\xfa\x18\x01\xff\xf0x", Taken{Data: []byte("x")}},
		{"one that never ends, then something else", "\xff\xfa\x2c\x05\x0b\xff\xf1x", Taken{Data: []byte("x")}},
	} {
		if got := s.Take([]byte(tt.in)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

func TestBegins(t *testing.T) {
	for _, tt := range []struct {
		first         string
		telnet, known bool
	}{
		{"", false, false}, {"\xff", false, false}, {"\xff\xfb", true, true}, {"\xff\xfa", true, true}, {"=1", false, true}, {"\xff\xff", false, true}, {"\xffa", false, true},
	} {
		if telnet, known := Begins([]byte(tt.first)); telnet != tt.telnet || known != tt.known {
			t.Errorf("%q: %v, %v", tt.first, telnet, known)
		}
	}
}

// Whatever a client sends, the server keeps little of it, answers in proportion, and comes to
// the same in pieces as at once.
func FuzzTake(f *testing.F) {
	f.Add([]byte("\xff\xfb\x2c\xff\xfa\x2c\x05\x0b\xff\xf0=1\r\n"), 3)
	f.Add([]byte("\xff\xfa\x2c\x01\x00\x00\xff\xff\x80\xff\xf0\xff\xff"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		var whole, pieces Server
		want := whole.Take(in)
		if len(want.Reply) > 16*len(in)+32 || cap(whole.command) > 4*maxCommand {
			t.Fatalf("%d bytes of answer, %d kept of %d", len(want.Reply), cap(whole.command), len(in))
		}
		cut = max(0, min(cut, len(in)))
		a, b := pieces.Take(in[:cut]), pieces.Take(in[cut:])
		if !bytes.Equal(append(a.Data, b.Data...), want.Data) || !bytes.Equal(append(a.Reply, b.Reply...), want.Reply) {
			t.Fatalf("in pieces %v and %v, at once %v", a, b, want)
		}
		// What is escaped comes back.
		var again Server
		if got := again.Take(Escape(in)); !bytes.Equal(got.Data, in) {
			t.Fatalf("%q comes back as %q", in, got.Data)
		}
	})
}
