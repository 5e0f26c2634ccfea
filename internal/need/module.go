package need

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Module returns the directory of a Go module that the test reads files of. Where
// the module cache doesn't have it the test is skipped; with the environment variable
// CI set it fails.
func Module(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command(Program(t, "go"), "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("the module %s is not in the module cache: %v", path, err)
		}
		t.Skipf("the module %s is not in the module cache (go mod download %s): %v", path, path, err)
	}
	return dir
}
