package simtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// The test that docs/testing.md shows is testdata/page, and passes.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```go\n")
	block, _, _ = strings.Cut(block, "```")
	program, err := os.ReadFile("testdata/page/page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if block != string(program) {
		t.Errorf("docs/testing.md shows\n%s\ntestdata/page/page_test.go is\n%s", block, program)
	}
	if out, err := exec.Command(need.Program(t, "go"), "test", "./testdata/page").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
