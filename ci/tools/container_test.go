package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The steps of the Containerfile, run here without an engine, make a directory from which
// the program runs as what is in it, and as nobody.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "ci", "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]string{} // directories
	stage, workdir, user, entrypoint, froms := "", "/", "", "", 0
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		fields := strings.Fields(rest)
		switch word {
		case "", "#":
		case "FROM":
			froms++
			stage, workdir = t.TempDir(), "/"
			if len(fields) == 3 && fields[1] == "AS" {
				stages[fields[2]] = stage
			}
		case "WORKDIR":
			workdir = fields[0]
			if err := os.MkdirAll(filepath.Join(stage, workdir), 0o777); err != nil {
				t.Fatal(err)
			}
		case "COPY":
			from, to := root(t), fields[len(fields)-1]
			sources := fields[:len(fields)-1]
			if name, ok := strings.CutPrefix(fields[0], "--from="); ok {
				from, sources = stages[name], sources[1:]
			}
			if !strings.HasPrefix(to, "/") {
				to = filepath.Join(workdir, to)
			}
			for _, s := range sources {
				copied(t, filepath.Join(from, s), filepath.Join(stage, to))
			}
		case "RUN":
			// The image's paths are in the stage's directory here.
			script := strings.ReplaceAll(rest, "/out", stage+"/out")
			shellcheck(t, line, script)
			cmd := exec.Command("sh", "-c", script)
			cmd.Dir = filepath.Join(stage, workdir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", script, err, out)
			}
		case "USER":
			user = rest
		case "ENTRYPOINT":
			entrypoint = strings.Trim(rest, `["]`)
		default:
			t.Fatalf("the test does not know %s", word)
		}
	}
	if froms != 2 || user != "65532:65532" {
		t.Errorf("%d stages, the last with user %q", froms, user)
	}
	size := int64(0)
	err = filepath.Walk(stage, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	if err != nil || size > 40<<20 {
		t.Errorf("the image has %d MB, %v", size>>20, err)
	}
	if os.Getuid() != 0 { // what the steps make was looked at above; that it runs alone takes chroot
		t.Skip("changing the root directory takes root")
	}
	// The app's directory comes from outside.
	copied(t, filepath.Join(root(t), "examples", "tested-app"), filepath.Join(stage, workdir))
	// The directories above are of root alone.
	for dir := stage; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(entrypoint, "test", "--timeout", "3h", ".")
	cmd.Path = entrypoint
	cmd.Dir = workdir
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: stage, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), " passed in ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// copied copies a file, or what is in a directory, as COPY does.
func copied(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		from += "/."
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-R", "--preserve=mode", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
