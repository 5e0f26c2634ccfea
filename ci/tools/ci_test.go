// Package tools checks the CI files of ci/, which people copy: it reads each as its
// server does, and runs what is in it on examples/tested-app. What that takes is in a
// module of its own.
package tools

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

const module = "github.com/nodemcu-sim/nodemcu-sim"

// root is the project's directory.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// repository is a copy of the example, as somebody's own.
func repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my-app")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root(t), "examples", "tested-app"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tools is a directory with a program "go" that installs nodemcu-sim in it.
var tools string

// makeTools makes it.
var makeTools = sync.OnceValues(func() (out string, err error) {
	dir, err := os.MkdirTemp("", "nodemcu-sim-ci-")
	if err != nil {
		return "", err
	}
	tools = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "built"), "./cmd/nodemcu-sim")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	// "go install" of a published version takes what was built.
	install := `#!/bin/sh
case "$*" in
"install ` + module + `/cmd/nodemcu-sim@latest") cp "$(dirname "$0")/built" "$(dirname "$0")/nodemcu-sim";;
*) echo "go $*: not what is published" >&2; exit 1;;
esac
`
	return "", os.WriteFile(filepath.Join(dir, "go"), []byte(install), 0o777)
})

func TestMain(m *testing.M) {
	status := m.Run()
	if tools != "" {
		os.RemoveAll(tools)
	}
	os.Exit(status)
}

// run runs a script in a directory, as CI servers do.
func run(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	if out, err := makeTools(); err != nil {
		t.Fatal(err, out)
	}
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + tools + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v in\n%s\n%s", err, script, out)
	}
	return string(out)
}

var times = regexp.MustCompile(` time="[0-9.]+"`)

// sameAsWhole compares a joined report with that of a run of all tests.
func sameAsWhole(t *testing.T, repository, report, args string) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole.xml")
	run(t, repository, "nodemcu-sim test --timeout 3h --junit "+whole+" "+args)
	texts := [2][]byte{}
	for i, name := range []string{report, whole} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = times.ReplaceAll(text, nil)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Errorf("%s is\n%s\nand the report of all tests\n%s", report, texts[0], texts[1])
	}
	if n := strings.Count(string(texts[0]), "<testcase "); n < 12 {
		t.Errorf("there are %d tests", n)
	}
}

// shellcheck looks at a script.
func shellcheck(t *testing.T, name, script string) {
	t.Helper()
	cmd := exec.Command(need.Program(t, "shellcheck"), "--shell=bash", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

func TestShellScripts(t *testing.T) {
	for _, name := range []string{".ci/run", ".ci/fuzz"} {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		shellcheck(t, name, string(text))
	}
}
