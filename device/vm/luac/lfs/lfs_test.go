package lfs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// module compiles a module.
func module(t testing.TB, file, source string) Module {
	t.Helper()
	p, wrong := luac.Compile(source, "@"+file, luac.KeepLines, nil, nil)
	if wrong != nil {
		t.Fatal(wrong)
	}
	return Module{ModuleName(file), p}
}

// sample is an image with constants of every kind, functions inside one another and upvalues.
func sample(t testing.TB) *Image {
	t.Helper()
	image, err := Build([]Module{
		module(t, "main.lua", `local n = 0
return function(step)
	n = n + (step or 1.5)
	local function f(a) return a == nil, a == true, a == false, n, "text\0more" end
	return f(n)
end
`),
		module(t, "lib/util.x.lua", "print('hello')\n\n\nreturn {a = 1, b = -2}"),
	}, Options{Time: 1700000000})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestContent(t *testing.T) {
	image := sample(t)
	base := uint32(0x40280000)
	relocatable, err := Read(image.Relocatable())
	if err != nil {
		t.Fatal(err)
	}
	absolute, err := Read(image.Absolute(base))
	if err != nil {
		t.Fatal(err)
	}
	if relocatable.Base() != 0 || absolute.Base() != base {
		t.Errorf("made for 0x%x and 0x%x", relocatable.Base(), absolute.Base())
	}
	flash := append(absolute.At(base+4096), make([]uint32, 500)...) // the rest of the region
	inFlash, err := Decode(flash, base+4096)
	if err != nil {
		t.Fatal(err)
	}
	fromFile, err := absolute.Content()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*Content{"file": fromFile, "flash": inFlash} {
		if c.Time != 1700000000 || len(c.Modules) != 2 || c.Modules[0].Name != "main" || c.Modules[1].Name != "util" || len(c.Strings) != int(c.Header.Strings) {
			t.Errorf("%s: time %d, modules %v, %d strings", name, c.Time, c.Modules, len(c.Strings))
		}
		again, err := BuildIndex(c.Index)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []*Image{again, relocatable, absolute} {
			if !bytes.Equal(other.Relocatable(), image.Relocatable()) {
				t.Errorf("%s: another image is made of what was read", name)
			}
		}
		for _, m := range c.Modules {
			if _, err := luac.Undump(string(luac.Dump(m.Proto, false)), "=x", nil, nil); err != nil {
				t.Errorf("%s: %s: %v", name, m.Name, err)
			}
		}
	}
}

// Names of locals and upvalues, which precompiled chunks may have, are kept.
func TestNames(t *testing.T) {
	p, wrong := luac.Compile("local a, b = 1\nreturn function() return a, b end", "@n.lua", luac.KeepAll, nil, nil)
	if wrong != nil {
		t.Fatal(wrong)
	}
	image, err := Build([]Module{{"n", p}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if image, err = Read(image.Relocatable()); err != nil {
		t.Fatal(err)
	}
	c, err := image.Content()
	if err != nil {
		t.Fatal(err)
	}
	got := c.Modules[0].Proto
	if fmt.Sprint(got.Locals) != fmt.Sprint(p.Locals) || fmt.Sprint(got.Protos[0].UpvalueNames) != "[a b]" {
		t.Errorf("locals %v, upvalues %v", got.Locals, got.Protos[0].UpvalueNames)
	}
	if !bytes.Equal(luac.Dump(got, false), luac.Dump(p, false)) {
		t.Error("the module is another one")
	}
}

func TestModuleName(t *testing.T) {
	for file, want := range map[string]string{
		"app.lua": "app", "sub/dir/mod.a.b.lua": "mod", ".hidden.lua": "hidden", "noext": "noext", "lib-1.2.lua": "lib-1",
		`c:\lua\x.lua`: "x", `a\b/c.lua`: "c", "..": "..", "a/": "a/", "": "",
	} {
		if got := ModuleName(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
	for source, want := range map[string]string{"=stdin": "stdin", "=?": "?", "@d/a.lua": "a", "": "", "@": "", "@a\x00b": "a"} {
		if got := ModuleOf(&luac.Proto{Source: source}); got != want {
			t.Errorf("source %q: %q, want %q", source, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	m := module(t, "m.lua", "return 1")
	if _, err := Build(make([]Module, MaxModules+1), Options{}); err == nil || !strings.Contains(err.Error(), "51 modules") {
		t.Errorf("51 modules: %v", err)
	}
	full := make([]Module, MaxModules)
	for i := range full {
		full[i] = m
		full[i].Proto = module(t, "m.lua", fmt.Sprint("return ", i)).Proto
	}
	image, err := Build(full, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(image.Relocatable()); err != nil {
		t.Errorf("50 modules: %v", err)
	}
	if _, err := Build(nil, Options{}); err == nil || !strings.Contains(err.Error(), "at least one module") {
		t.Errorf("no modules: %v", err)
	}

	big := func(n int) Module { return module(t, "m.lua", "return '"+strings.Repeat("x", n)+"'") }
	size := func(n int) int {
		image, err := Build([]Module{big(n)}, Options{})
		if err != nil {
			return 0
		}
		if _, err := Read(image.Relocatable()); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		return image.Size()
	}
	least := size(0)
	if most := size(4*MaxWords - least); most != 4*MaxWords {
		t.Errorf("the largest image has %d bytes", most)
	}
	if over := size(4*MaxWords - least + 4); over != 0 {
		t.Errorf("an image of %d bytes is made", over)
	}
	if _, err := Build([]Module{big(4 * MaxWords)}, Options{}); err != ErrFull {
		t.Errorf("a string larger than all: %v", err)
	}
}

// What luac.cross would traverse is each string once, whatever their hashes.
func TestStringOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		var set stringSet
		want := map[string]bool{}
		for range n {
			s := fmt.Sprint(r.IntN(n + 1))
			set.add(s)
			want[s] = true
		}
		list := set.list()
		if len(list) != len(want) || len(list) != set.count {
			t.Fatalf("%d of %d strings", len(list), len(want))
		}
		for _, s := range list {
			if !want[s] {
				t.Fatalf("%q twice", s)
			}
			delete(want, s)
		}
	}
}

// damage is an image with something wrong in it, and what must be said.
type damage struct {
	name  string
	patch func(w []uint32)
	want  string
}

// damages of each field of an image.
func damages(t testing.TB) []damage {
	image := sample(t)
	w := image.words
	main := w[atMain]
	children := w[main+recChildren]
	first := w[children]
	inner := w[w[first+recChildren]]
	innermost := w[w[inner+recChildren]]
	str := w[main+recSource]
	bucket := HeaderWords + w[str+2]&(w[5]-1)
	other := HeaderWords + (w[str+2]+1)&(w[5]-1)
	set := func(at, x uint32) func([]uint32) { return func(w []uint32) { w[at] = x } }
	n := uint32(len(w))
	return []damage{
		{"signature", set(0, 0x12345678), "its signature is 0x12345678"},
		{"version", set(0, 0xfafaa254), "version 2 of the format"},
		{"integer build", set(0, 0xfafaa152), "integer build"},
		{"interrupted", set(0, 0xfafaa15c), "not written to its end"},
		{"no size", set(1, 0), "its size in the header is 0 bytes"},
		{"odd size", set(1, w[1]+1), "its size in the header is"},
		{"size beyond the file", set(1, 1<<17), "its size in the header is 131072 bytes, and only"},
		{"huge size", set(1, 0xfffffffc), "its size in the header is 4294967292 bytes"},
		{"main nowhere", set(atMain, 0), "word 2 should lead to a function and is 0"},
		{"main outside", set(atMain, n), "word 2 should lead to a function"},
		{"main at the end", set(atMain, n-1), "ends at"},
		{"main in the strings", set(atMain, str), "belongs to something else"},
		{"main is a module", set(atMain, first), "is not an index of modules"},
		{"no string table", set(atHash, 0), "no string table"},
		{"string table in the header", set(atHash, 4), "belongs to something else"},
		{"number of strings", set(4, 3), "and its header says 3"},
		{"no buckets", set(5, 0), "0 buckets"},
		{"odd buckets", set(5, 15), "15 buckets"},
		{"huge buckets", set(5, 1<<31), "2147483648 buckets"},
		{"other buckets", set(5, 64), "belongs to something else"},
		{"bucket", set(bucket, 3), "belongs to something else"},
		{"bucket outside", set(bucket, n+100), "should lead to a string"},
		{"bucket of another", func(w []uint32) { w[bucket], w[other] = w[other], w[bucket] }, "is in bucket"},
		{"chain in a circle", set(str, str), "belongs to something else"},
		{"type of a string", set(str+1, 0x4003), "its type and mark are 0x00004003"},
		{"hash", set(str+2, w[str+2]^1<<20), "has the hash"},
		{"length", set(str+3, w[str+3]-1), "does not end with zero"},
		{"length beyond the image", set(str+3, 4*n), "has a length of"},
		{"huge length", set(str+3, 0xffffffff), "has a length of 4294967295"},
		{"text", set(str+stringWords, w[str+stringWords]^1), "and its text"},
		{"next of a function", set(first, 1), "words 0, 1 and 16"},
		{"mark of a function", set(first+1, 1), "words 0, 1 and 16"},
		{"grey list", set(first+recGrey, 1), "words 0, 1 and 16"},
		{"constants nowhere", set(inner+recConsts, 0), "constants at word 0"},
		{"constants outside", set(inner+recConsts, n), "should lead to constants"},
		{"number of constants", set(inner+recConstCount, 1<<30), "the 1073741824 constants"},
		{"constants without one", set(inner+recConstCount, 0), "there are 0 of them"},
		{"type of a constant", set(w[inner+recConsts]+2, 5), "has type 5"},
		{"constant string", set(lastString(w, innermost), first), "no string begins"},
		{"code nowhere", set(first+recCode, 0), "instructions at word 0"},
		{"code in the strings", set(first+recCode, str), "belongs to something else"},
		{"number of instructions", set(first+recCodeCount, 0x40000000), "instructions of a function are more"},
		{"an instruction", set(w[first+recCode], 0x3f), "can't run"},
		{"children nowhere", set(first+recChildren, 0), "functions inside at word 0"},
		{"number of children", set(first+recChildCount, 99999), "functions inside of a function are more"},
		{"a function inside itself", set(w[first+recChildren], first), "belongs to something else"},
		{"a function twice", set(children+1, first), "belongs to something else"},
		{"lines", set(first+recLines, w[first+recLines]+1), "the text of no string"},
		{"lines in the header", set(first+recLines, 1), "the text of no string"},
		{"locals", set(first+recLocalCount, 1), "leads to locals at word 0"},
		{"names of upvalues", set(first+recUpvalueNameCount, 1), "leads to names of upvalues at word 0"},
		{"source nowhere", set(first+recSource, 0), "the name of a source"},
		{"source in the code", set(first+recSource, w[first+recCode]), "no string begins"},
		{"line", set(first+recLine, 0xffffffff), "and is -1"},
		{"last line", set(first+recLastLine, 1<<31), "is the number of a line"},
		{"registers", set(first+recShape, w[first+recShape]&0xffffff), "can't run"},
		{"module's name", set(w[main+recConsts], 0), "a string constant"},
		{"time", set(w[main+recConsts]+2*constWords+2, tagNil), "is not an index"},
	}
}

// lastString is the last string constant of a function.
func lastString(w []uint32, record uint32) uint32 {
	at := w[record+recConsts]
	for i := w[record+recConstCount]; i > 0; i-- {
		if k := at + (i-1)*constWords; w[k+2] == tagString {
			return k
		}
	}
	panic("no string constant")
}

func TestDamages(t *testing.T) {
	for _, d := range damages(t) {
		image := sample(t)
		d.patch(image.words)
		if _, err := Read(image.Relocatable()); err == nil || !strings.Contains(err.Error(), d.want) {
			t.Errorf("%s: %v, want %q", d.name, err, d.want)
		}
		if _, err := image.Content(); err == nil || !strings.Contains(err.Error(), d.want) {
			t.Errorf("%s, read as content: %v, want %q", d.name, err, d.want)
		}
	}
}

// Damage of files as such.
func TestDamagedFiles(t *testing.T) {
	image := sample(t)
	gz, plain, absolute := image.Relocatable(), image.plain(), image.Absolute(0x40280000)
	patched := func(b []byte, at int, x byte) []byte {
		b = bytes.Clone(b)
		b[(at+len(b))%len(b)] ^= x
		return b
	}
	n := len(plain)
	for _, d := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "it has 0 bytes"},
		{"header only", gz[:10], "it ends too early"},
		{"half a header", gz[:5], "it ends too early"},
		{"truncated", gz[:len(gz)/2], "it ends too early"},
		{"without its length", gz[:len(gz)-4], "it ends too early"},
		{"compression", patched(gz, 2, 1), "can't be inflated"},
		{"block", patched(gz, 10, 4), "can't be inflated"},
		{"checksum", patched(gz, -8, 1), "its checksum or its length"},
		{"length", patched(gz, -1, 1), "its checksum or its length"},
		{"behind", append(bytes.Clone(gz), 0), "1 bytes follow its end"},
		{"nothing inside", compress(nil), "it has 0 bytes"},
		{"no words", compress(plain[:n-1]), "no whole words"},
		{"no bitmap", compress(plain[:image.Size()]), "its bitmap of addresses has 0 words"},
		{"short bitmap", compress(plain[:n-4]), "its bitmap of addresses has"},
		{"long bitmap", compress(append(bytes.Clone(plain), 0, 0, 0, 0)), "its bitmap of addresses has"},
		{"bit missing", compress(patched(plain, image.Size(), 4)), "word 2 is an address, and the bitmap"},
		{"bit too many", compress(patched(plain, image.Size(), 1)), "its bitmap says that word 0"},
		{"bomb", compress(make([]byte, 1<<20)), "it inflates to more than"},
		{"absolute, truncated", absolute[:len(absolute)-4], "and only"},
		{"absolute, odd", absolute[:len(absolute)-1], "no whole words"},
		{"absolute, longer", append(bytes.Clone(absolute), 0, 0, 0, 0), "and the file has"},
		{"absolute, an address", patched(absolute, 4*atMain, 1), "is no address in the image"},
		{"absolute, its place", patched(absolute, 4*atHash+2, 1), "is no address in the image"},
		{"a Lua file", []byte("return 1\nreturn 1\nreturn 1\nreturn 1\n"), "its signature is 0x75746572"},
	} {
		if _, err := Read(d.file); err == nil || !strings.Contains(err.Error(), d.want) {
			t.Errorf("%s: %v, want %q", d.name, err, d.want)
		}
	}
}

// An image of another address than where it lies is refused.
func TestWrongPlace(t *testing.T) {
	image := sample(t)
	for _, base := range []uint32{0, 0x40200000, 0x40280004, 0x40280002, 0xfffffff0} {
		if _, err := Decode(image.At(0x40280000), base); err == nil {
			t.Errorf("an image for 0x40280000 is read at 0x%x", base)
		}
	}
}

// Functions deeper in one another than any compiler makes them.
func TestDeep(t *testing.T) {
	p := &luac.Proto{Source: "=s", MaxStack: 2, Code: []luac.Instruction{{Op: luac.Return, B: 1}}}
	for range maxDepth + 1 {
		p = &luac.Proto{Source: "=s", MaxStack: 2, Code: []luac.Instruction{{Op: luac.Return, B: 1}}, Protos: []*luac.Proto{p}}
	}
	image, err := Build([]Module{{"deep", p}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(image.Relocatable()); err == nil || !strings.Contains(err.Error(), "functions are inside one another") {
		t.Error(err)
	}
}

// Whatever is compressed comes back, in matches that the firmware's window has.
func TestCompress(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func(n, of int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.IntN(of))
		}
		return b
	}
	far := random(Window, 256)
	for name, data := range map[string][]byte{
		"nothing": nil, "a byte": {7}, "two": {7, 7}, "three": {7, 7, 7}, "zeros": make([]byte, 100000), "random": random(70000, 256),
		"few": random(200000, 2), "text": []byte(strings.Repeat("function () return end ", 4000)), "window": append(append(far, far...), far...),
		"259": make([]byte, 260),
	} {
		var back []byte
		matches(data, func(b byte) { back = append(back, b) }, func(distance, length int) {
			if distance < 1 || distance > Window || distance > len(back) || length < leastMatch || length > mostMatch {
				t.Fatalf("%s: a match of %d bytes %d back", name, length, distance)
			}
			for range length {
				back = append(back, back[len(back)-distance])
			}
		})
		if !bytes.Equal(back, data) {
			t.Errorf("%s does not come back", name)
		}
		if got := inflate(t, compress(data)); !bytes.Equal(got, data) {
			t.Errorf("%s is inflated to something else", name)
		}
	}
}

// Each length and distance has its code.
func TestCodes(t *testing.T) {
	for length := leastMatch; length <= mostMatch; length++ {
		for _, distance := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 25, 1024, 1025, 8192, 8193, 12288, 12289, Window} {
			w := bitWriter{out: []byte(gzipHeader)}
			w.bits(1, 1)
			w.bits(1, 2)
			var want []byte
			for i := range distance {
				w.literal(byte(i * 7))
				want = append(want, byte(i*7))
			}
			w.match(distance, length)
			for range length {
				want = append(want, want[len(want)-distance])
			}
			w.bits(0, 7)
			w.bits(0, 7)
			if got := inflateBlock(t, w.out[len(gzipHeader):]); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes %d back", length, distance)
			}
			if length > 20 && length < 250 && distance > 25 {
				break // the far ones, with every length, take long
			}
		}
	}
}

// hash of the format is the device's.
func TestHash(t *testing.T) {
	image := sample(t)
	c, err := image.Content()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Strings {
		h, step := uint32(len(s)), len(s)>>5+1
		for l := len(s); l >= step; l -= step {
			h ^= h<<5 + h>>2 + uint32(s[l-1])
		}
		if heap.StringHash(s) != h {
			t.Errorf("%q", s)
		}
	}
}
