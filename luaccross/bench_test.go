package luaccross

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// Compiling 50 modules, laying out their image and compressing it: the measured sets' files, those
// of the two sets that only try out size left out, as often as it takes.
func BenchmarkImage(b *testing.B) {
	var texts []string
	for _, s := range oracle.Load[imageSets](b, "lfs-images").Images {
		for _, f := range s.Files {
			if len(f[1]) < 8000 {
				texts = append(texts, f[1])
			}
		}
	}
	b.Chdir(b.TempDir())
	args := []string{"-f", "-o", "lfs.img"}
	source := 0
	for i := range lfs.MaxModules {
		name, text := fmt.Sprintf("m%02d.lua", i), texts[i%len(texts)]
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
		args, source = append(args, name), source+len(text)
	}
	var out, errs bytes.Buffer
	c := Command{Name: "luac.cross", Stdout: &out, Stderr: &errs, Now: func() time.Time { return time.Unix(1, 0) }}
	for b.Loop() {
		if c.Run(args) != 0 {
			b.Fatal(errs.String())
		}
	}
	file, err := os.ReadFile("lfs.img")
	if err != nil {
		b.Fatal(err)
	}
	image, err := lfs.Read(file)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(source), "source-bytes")
	b.ReportMetric(float64(image.Size()), "image-bytes")
	b.ReportMetric(float64(len(file)), "file-bytes")
}
