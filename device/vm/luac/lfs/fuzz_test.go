package lfs

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

func inflate(t testing.TB, file []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func inflateBlock(t testing.TB, block []byte) []byte {
	t.Helper()
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(block)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files that are read are written again as they were, and what is in them may run.
func FuzzRead(f *testing.F) {
	image := sample(f)
	f.Add(image.Relocatable())
	f.Add(image.Absolute(0x40280000))
	for _, d := range damages(f) {
		broken := sample(f)
		d.patch(broken.words)
		f.Add(broken.Absolute(0x40280000))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		image, err := Read(file)
		if err != nil {
			return
		}
		if base := image.Base(); base != 0 && !bytes.Equal(image.Absolute(base), file) && file[0]&byte(Absolute) != 0 {
			t.Fatal("it is written otherwise")
		}
		same(t, image)
	})
}

// The words of a relocatable image, without the checksum that finds nearly every change.
func FuzzWords(f *testing.F) {
	f.Add(sample(f).plain())
	for _, d := range damages(f) {
		broken := sample(f)
		d.patch(broken.words)
		f.Add(broken.plain())
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		if image, err := readPlain(plain); err == nil {
			same(t, image)
		}
	})
}

// same fails when the image does not hold together.
func same(t *testing.T, image *Image) {
	back, err := Read(image.Relocatable())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.plain(), image.plain()) {
		t.Fatal("it is read otherwise")
	}
	c, err := image.Content()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := luac.Undump(string(luac.Dump(c.Index, false)), "=x", nil, nil); err != nil {
		t.Fatal(err)
	}
}
