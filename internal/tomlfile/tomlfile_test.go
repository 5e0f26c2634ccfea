package tomlfile

import (
	"strings"
	"testing"
	"time"
)

type host struct {
	Name string `toml:"name"`
	Port int    `toml:"port"`
}

type config struct {
	Title string        `toml:"title"`
	On    bool          `toml:"on"`
	Ratio float64       `toml:"ratio"`
	ID    uint32        `toml:"id"`
	Wait  time.Duration `toml:"wait"`
	Tags  []string      `toml:"tags"`
	Net   struct {
		Hosts []host `toml:"host"`
		Main  host   `toml:"main"`
	} `toml:"net"`
}

func TestDecode(t *testing.T) {
	const doc = `title = "x" # y
on = true
ratio = 2
id = 0xFFFFFFFF
wait = "1.5s"
tags = ["a",
  "b]", # not the end ]
  '''c
d''', """e""""", ''''f''']
[net]
main = { name = "m", port = 1 }
[[net.host]]
name = "one"
[[net.host]]
"name" = "two"
port = 80
`
	var c config
	f, err := Decode("x.toml", []byte(doc), &c)
	if err != nil {
		t.Fatal(err)
	}
	if c.Title != "x" || !c.On || c.Ratio != 2 || c.ID != 0xFFFFFFFF || c.Wait != 1500*time.Millisecond ||
		len(c.Tags) != 5 || c.Tags[2] != "c\nd" || c.Tags[3] != `e""` || c.Tags[4] != "'f" || c.Net.Main.Port != 1 || len(c.Net.Hosts) != 2 || c.Net.Hosts[1].Port != 80 {
		t.Errorf("decoded %+v", c)
	}
	for key, want := range map[string]int{"title": 1, "tags": 6, "tags[1]": 7, "tags[2]": 8, "tags[4]": 9, "net": 10, "net.main.port": 11,
		"net.host": 12, "net.host[0].name": 13, "net.host[0].port": 12, "net.host[1]": 14, "net.host[1].name": 15, "net.host[1].port": 16, "gone": 0} {
		if got := f.line(key); got != want {
			t.Errorf("line of %s = %d, want %d", key, got, want)
		}
	}
	if !f.Has("net.host[1].port") || f.Has("net.host[0].port") {
		t.Error("Has is wrong about net.host[…].port")
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ doc, want string }{
		{"titel = 1", `x.toml:1: unknown key "titel"; known at the top of the file: title, on, ratio`},
		{"\n\ntitle = 1", `x.toml:3: title is a whole number; write a string`},
		{"[[net.host]]\nport = 1\n[[net.host]]\nport = \"x\"\n[[net.host]]\nport = 2", `x.toml:4: net.host[1].port is a string; write a whole number`},
		{"[[net.host]]\nport = 1\n[[net.host]]\nprot = 1\n[[net.host]]\nport = 2", `x.toml:4: unknown key "prot"; known in [net.host[1]]: name, port`},
		{"on = 1", `x.toml:1: on is a whole number; write true or false`},
		{"id = -1", `x.toml:1: id = -1 is out of range`},
		{"ratio = nan", `x.toml:1: ratio must be a finite number`},
		{"wait = 3", `x.toml:1: wait is a time such as "1.5s"`},
		{"wait = \"fast\"", `x.toml:1: wait is a time such as "1.5s"`},
		{"tags = \"a\"", `x.toml:1: tags is a string; write a list`},
		{"tags = [1]", `x.toml:1: tags[0] is a whole number; write a string`},
		{"net = 1", `x.toml:1: net is a whole number; write a table, [net]`},
		{"[net.host]\nport = 1", `x.toml:1: net.host is a table; write a list of tables, [[net.host]]`},
		{"title = \"a\"\ntitle = \"b\"", `x.toml:2: `},
		{"a = 1\nb = ", `x.toml:2: `},
		{"title = \"\x00\"", `x.toml:1: `},
		{"[net]\nhost = [\n{ name = \"a\" }, # x\n{ port = 1,\n  prot = 1 },\n]", `x.toml:5: unknown key "prot"`},
		{"on = true\n" + strings.Repeat("a.", 50000) + "b = 1", `x.toml:2: more than 500 dots`},
		{"net = {main = {name = \"m\", prot = 1}}", `x.toml:1: unknown key "prot"`},
	}
	for _, tt := range tests {
		var c config
		_, err := Decode("x.toml", []byte(tt.doc), &c)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %s…", tt.doc, err, tt.want)
		}
	}
}

// FuzzDecode makes sure that no file crashes or hangs the decoder.
func FuzzDecode(f *testing.F) {
	f.Add("a = \"\\\"")
	f.Add("[[a]]\n[[a.b]]\n[a.b.c]\nd=[[1],{x='''\n'''}]")
	f.Add("\"a.b\".c = 1\r\n[\"x]\"]\n")
	f.Fuzz(func(t *testing.T, doc string) {
		var c config
		_, _ = Decode("x", []byte(doc), &c)
		keyLines(doc)
	})
}
