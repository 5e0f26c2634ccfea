package luaccross

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// imageSets is lfs-images.json. What is left out of it: "integer", the images of an integer build of
// luac.cross, which are not made here.
type imageSets struct {
	Images []imageSet
	Errors []command
}

type imageSet struct {
	ID    string
	Time  int64
	Files [][2]string
	Reloc struct {
		Args      []string
		Stdout    string
		Image     []byte `json:"image_b64"`
		RawSHA256 string `json:"raw_sha256"`
		RawLen    int    `json:"raw_len"`
	}
	Absolute struct {
		Args    []string
		Address uint32
		Stdout  string
		SHA256  string
		Len     int
		Image   []byte `json:"image_b64"`
	}
	Facts struct {
		Signature   string
		Size        int
		Strings     int      `json:"n_strings"`
		Buckets     int      `json:"n_buckets"`
		Main        int      `json:"main_word"`
		Words       int      `json:"n_words"`
		Modules     []string `json:"modules"`
		OrderSHA256 string   `json:"string_order_sha256"`
	}
	LC []struct {
		Args   []string
		Len    int
		SHA256 string
		Chunk  []byte `json:"lc_b64"`
	}
	Listing, Listing2 *struct {
		Args []string
		Text string
	}
}

type command struct {
	ID             string
	Args           []string
	Files          map[string]string
	RC             int
	Stdout, Stderr string
	Left           map[string]int
}

// Images, precompiled chunks, listings and messages are luac.cross's, byte for byte.
func TestOracleImages(t *testing.T) {
	oracle.Set{
		Name: "lfs-images",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			sets := oracle.Decode[imageSets](t, data)
			for _, s := range sets.Images {
				entries = append(entries, s.entries(t)...)
			}
			for _, c := range sets.Errors {
				entries = append(entries, oracle.Entry{Name: c.ID, Check: func() string { return c.check(t) }})
			}
			return entries
		},
	}.Compare(t)
}

// inDirectory runs luac.cross in a new directory with some files, and returns what it leaves there
// besides.
func inDirectory(t *testing.T, now int64, files map[string]string, args []string) (status int, stdout, stderr string, left map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out, errs bytes.Buffer
	c := Command{
		Name: "luac.cross", Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Now: func() time.Time { return time.Unix(now, 0) },
	}
	status = c.Run(args)
	left = map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, given := files[e.Name()]; !given && !e.IsDir() {
			if left[e.Name()], err = os.ReadFile(e.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return status, out.String(), errs.String(), left
}

// address is one of the PC's in a listing.
var address = regexp.MustCompile(`0x[0-9a-f]+`)

func (s *imageSet) entries(t *testing.T) (entries []oracle.Entry) {
	files := map[string]string{}
	for _, f := range s.Files {
		files[f[0]] = f[1]
	}
	// output runs a command that must succeed and returns the file that it writes.
	output := func(args []string, wantOut string) (data []byte, difference string) {
		status, stdout, stderr, left := inDirectory(t, s.Time, files, args)
		if status != 0 || stderr != "" || stdout != wantOut {
			return nil, fmt.Sprintf("%q: status %d, output %q, want %q; %s", args, status, stdout, wantOut, stderr)
		}
		if len(left) != 1 {
			return nil, fmt.Sprintf("%q leaves %d files", args, len(left))
		}
		for _, data = range left {
		}
		return data, ""
	}
	add := func(name string, check func() string) {
		entries = append(entries, oracle.Entry{Name: s.ID + " " + name, Check: check})
	}
	add("relocatable", func() string {
		got, difference := output(s.Reloc.Args, s.Reloc.Stdout)
		if difference == "" {
			difference = compareBytes(got, s.Reloc.Image, len(s.Reloc.Image), "")
		}
		if difference != "" {
			return difference
		}
		z, err := gzip.NewReader(bytes.NewReader(got))
		if err != nil {
			return err.Error()
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			return err.Error()
		}
		return compareBytes(raw, nil, s.Reloc.RawLen, s.Reloc.RawSHA256)
	})
	add("absolute", func() string {
		got, difference := output(s.Absolute.Args, s.Absolute.Stdout)
		if difference == "" {
			difference = compareBytes(got, s.Absolute.Image, s.Absolute.Len, s.Absolute.SHA256)
		}
		return difference
	})
	add("facts", func() string { return s.facts() })
	for i, lc := range s.LC {
		add(fmt.Sprintf("lc %d %s", i, strings.Join(lc.Args[:min(2, len(lc.Args))], " ")), func() string {
			got, difference := output(lc.Args, "")
			if difference == "" {
				difference = compareBytes(got, lc.Chunk, lc.Len, lc.SHA256)
			}
			return difference
		})
	}
	for i, l := range []*struct {
		Args []string
		Text string
	}{s.Listing, s.Listing2} {
		if l == nil {
			continue
		}
		add(fmt.Sprintf("listing %d", i+1), func() string {
			status, stdout, stderr, _ := inDirectory(t, s.Time, files, l.Args)
			got := address.ReplaceAllString(stdout, "0x0")
			want := address.ReplaceAllString(l.Text, "0x0") // as text of programs is replaced, too
			if status != 0 || got != want {
				return fmt.Sprintf("status %d, %s\n%s", status, stderr, firstDifference(got, want))
			}
			return ""
		})
	}
	return entries
}

// facts compares what is read of the measured image.
func (s *imageSet) facts() string {
	image, err := lfs.Read(s.Reloc.Image)
	if err != nil {
		return err.Error()
	}
	c, err := image.Content()
	if err != nil {
		return err.Error()
	}
	f, h := s.Facts, c.Header
	sum := sha256.Sum256([]byte(strings.Join(c.Strings, "\x00")))
	var names []string
	for _, m := range c.Modules {
		names = append(names, m.Name)
	}
	if fmt.Sprintf("%08x", h.Signature) != f.Signature || int(h.Size) != f.Size || image.Size() != f.Size || int(h.Strings) != f.Strings ||
		int(h.Buckets) != f.Buckets || int(h.Main) != f.Main || !slices.Equal(names, f.Modules) ||
		hex.EncodeToString(sum[:]) != f.OrderSHA256 || c.Time != s.Time {
		return fmt.Sprintf("%+v, modules %q, time %d: want %+v, %d", h, names, c.Time, f, s.Time)
	}
	if !bytes.Equal(image.Relocatable(), s.Reloc.Image) {
		return "what was read is written otherwise"
	}
	return ""
}

// compareBytes says how got differs; want and sum may be absent.
func compareBytes(got, want []byte, length int, sum string) string {
	if want != nil && !bytes.Equal(got, want) {
		return fmt.Sprintf("%d bytes, want %d\n%s", len(got), len(want), firstDifference(string(got), string(want)))
	}
	if is := sha256.Sum256(got); len(got) != length || sum != "" && hex.EncodeToString(is[:]) != sum {
		return fmt.Sprintf("%d bytes, want %d, with the sum %x, want %s", len(got), length, is, sum)
	}
	return ""
}

func firstDifference(got, want string) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	part := func(s string) string { return s[max(0, n-20):min(len(s), n+60)] }
	return fmt.Sprintf("from byte %d:\n%q, want\n%q", n, part(got), part(want))
}

// standing are files that commands name and that do not stand with them. Those of big modules are what
// the measured sizes of their images allow: one string.
func standing(t *testing.T) map[string]string {
	p, wrong := luac.Compile("return 1\n", "@ok.lua", luac.KeepLines, nil, nil)
	if wrong != nil {
		t.Fatal(wrong)
	}
	chunk := string(luac.Dump(p, false))
	return map[string]string{
		"ok.lua": "return 1\n", "bad.lua": "return\nlocal\n",
		"c.lc": chunk, "badhdr.lc": chunk[:4] + "\x50" + chunk[5:],
		"big.lua": `return "` + strings.Repeat("x", 5000) + "\"\n",
		"h1.lua":  `return "` + strings.Repeat("x", 140000) + "\"\n",
		"h2.lua":  `return "` + strings.Repeat("y", 140000) + "\"\n",
	}
}

func (c *command) check(t *testing.T) string {
	files := map[string]string{}
	for name, text := range standing(t) {
		if name == "c.lc" && !strings.HasPrefix(c.ID, "lc_") {
			continue // it was made after the others had run
		}
		files[name] = text
	}
	for name, text := range c.Files {
		if !strings.HasPrefix(name, "(") {
			files[name] = text
		}
	}
	status, stdout, stderr, left := inDirectory(t, 1700000000, files, c.Args)
	got := address.ReplaceAllString(stdout, "0x0")
	sizes := map[string]int{}
	for name, data := range left {
		sizes[name] = len(data)
	}
	if status != c.RC || got != c.Stdout || stderr != c.Stderr || fmt.Sprint(sizes) != fmt.Sprint(c.Left) {
		return fmt.Sprintf("%q: status %d, want %d\noutput %q, want\n       %q\nerrors %q, want\n       %q\nleft %v, want %v",
			c.Args, status, c.RC, got, c.Stdout, stderr, c.Stderr, sizes, c.Left)
	}
	return ""
}
