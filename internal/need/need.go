// Package need is for tests that drive real programs: curl, tmux, a Lua
// interpreter. Such a test is skipped where the program is absent, and fails
// under CI, where .ci/run has to install it.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// daemons is where Debian keeps programs such as mosquitto and chronyd. Only root has it in
// PATH.
const daemons = "/usr/sbin"

// Program returns the path of a program that the test needs. Where it is absent
// the test is skipped, saying which; with the environment variable CI set it
// fails.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, file := range []string{name, filepath.Join(daemons, name)} {
		if path, err := exec.LookPath(file); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed: .ci/run must install what tests need", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}
