package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NPM returns the path of a file of a package that npm has installed in dir, as
// "nodemcu-tool/bin/nodemcu-tool.js". Where it is absent the test is skipped; with the
// environment variable CI set it fails.
func NPM(t testing.TB, dir, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(dir, "node_modules", file))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: .ci/run must install what tests need", err)
		}
		t.Skipf("%s is not installed (npm ci --ignore-scripts in %s)", file, dir)
	}
	return path
}

// PythonModule returns the path of Debian's Python where it has a module, with the same
// rules.
func PythonModule(t testing.TB, module string) string {
	t.Helper()
	python := Program(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("Debian's Python has no module %s: .ci/run must install what tests need", module)
		}
		t.Skipf("Debian's Python has no module %s", module)
	}
	return python
}
