package tools

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// own is how a workflow calls the action.
const own = "nodemcu-sim/nodemcu-sim/ci/github@main"

type (
	action struct {
		Name, Description string
		Inputs            map[string]struct{ Description, Default string }
		Runs              struct {
			Using string
			Steps []step
		}
	}
	workflow struct {
		Name        string
		On          []string `json:"true"` // as YAML 1.1 reads "on"
		Permissions map[string]string
		Jobs        map[string]struct {
			Needs    string
			If       string
			RunsOn   string `json:"runs-on"`
			Strategy struct {
				FailFast bool `json:"fail-fast"`
				Matrix   struct{ Shard []int }
			}
			Steps []step
		}
	}
	step struct {
		Name, Uses, If, Shell, Run string
		Env, With                  map[string]string
	}
)

func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "ci", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// The workflow is one, and gives the action inputs that it has.
func TestWorkflow(t *testing.T) {
	need.Program(t, "shellcheck") // actionlint looks for it
	dir := t.TempDir()
	for name, to := range map[string]string{"lua-tests.yml": ".github/workflows/lua-tests.yml", "action.yml": "action/action.yml"} {
		text, err := os.ReadFile(filepath.Join(root(t), "ci", "github", name))
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		// actionlint reads actions of the repository only.
		if err := os.WriteFile(to, []byte(strings.ReplaceAll(string(text), own, "./action")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil { // it ends at a repository
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", "actionlint", filepath.Join(dir, ".github", "workflows", "lua-tests.yml"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, out)
	}
}

// docs/ci.md has the action's inputs.
func TestInputsAreDocumented(t *testing.T) {
	var a action
	load(t, "github/action.yml", &a)
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| input | |\n|--|--|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for line := range strings.Lines(table) {
		documented = append(documented, strings.Split(line, "`")[1])
	}
	slices.Sort(documented)
	if inputs := slices.Sorted(maps.Keys(a.Inputs)); !slices.Equal(documented, inputs) {
		t.Errorf("docs/ci.md has %q, the action %q", documented, inputs)
	}
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// evaluate puts values in the place of expressions.
func evaluate(t *testing.T, text string, values map[string]string) string {
	t.Helper()
	return expression.ReplaceAllStringFunc(text, func(s string) string {
		name := expression.FindStringSubmatch(s)[1]
		value, ok := values[name]
		if !ok {
			t.Fatalf("the test does not know %s", s)
		}
		return value
	})
}

// The jobs of the workflow, run here, write the report of all tests.
func TestGitHub(t *testing.T) {
	var w workflow
	load(t, "github/lua-tests.yml", &w)
	repository, shards := repository(t), filepath.Join(t.TempDir(), "shards")
	if err := os.Mkdir(shards, 0o777); err != nil {
		t.Fatal(err)
	}
	matrix := w.Jobs["test"].Strategy.Matrix.Shard
	for i, n := range matrix {
		if n != i+1 {
			t.Fatalf("the shards are %v", matrix)
		}
		values := map[string]string{"matrix.shard": fmt.Sprint(n), "strategy.job-total": fmt.Sprint(len(matrix))}
		test, upload := w.Jobs["test"].Steps[1], w.Jobs["test"].Steps[2]
		with := map[string]string{}
		for name, value := range test.With {
			with[name] = evaluate(t, value, values)
		}
		act(t, repository, test.Uses, with)
		// What is uploaded stands in a directory of its name when it comes down.
		name := evaluate(t, upload.With["name"], values)
		if err := os.Rename(filepath.Join(repository, upload.With["path"]), filepath.Join(shards, name)); err != nil {
			t.Fatal(err)
		}
	}
	report := w.Jobs["report"]
	pattern := report.Steps[0].With["pattern"]
	entries, err := os.ReadDir(shards)
	if err != nil || len(entries) != len(matrix) {
		t.Fatalf("%d artifacts, %v", len(entries), err)
	}
	for _, e := range entries {
		if ok, err := filepath.Match(pattern, e.Name()); !ok || err != nil {
			t.Errorf("the report does not take %s", e.Name())
		}
	}
	if err := os.Rename(shards, filepath.Join(repository, report.Steps[0].With["path"])); err != nil {
		t.Fatal(err)
	}
	act(t, repository, report.Steps[1].Uses, report.Steps[1].With)
	if _, err := os.Stat(filepath.Join(repository, "report", "index.html")); err != nil {
		t.Error(err)
	}
	sameAsWhole(t, repository, filepath.Join(repository, "report", "report.xml"), ".")
}

// act runs the action.
func act(t *testing.T, dir, uses string, with map[string]string) {
	t.Helper()
	if uses != own {
		t.Fatalf("the step uses %s", uses)
	}
	var a action
	load(t, "github/action.yml", &a)
	values := map[string]string{}
	for name, input := range a.Inputs {
		values["inputs."+name] = input.Default
	}
	for name, value := range with {
		if _, ok := a.Inputs[name]; !ok {
			t.Errorf("the action has no input %s", name)
		}
		values["inputs."+name] = value
	}
	merge := values["inputs.merge"]
	ran := 0
	for _, s := range a.Runs.Steps {
		switch s.If {
		case "":
		case "${{ inputs.merge == '' }}":
			if merge != "" {
				continue
			}
		case "${{ inputs.merge != '' }}":
			if merge == "" {
				continue
			}
		default:
			t.Fatalf("the test does not know the condition %s", s.If)
		}
		if s.Run == "" {
			continue
		}
		if s.Shell != "bash" || expression.MatchString(s.Run) {
			t.Errorf("%s: inputs come as variables, or somebody's text becomes a command", s.Name)
		}
		shellcheck(t, s.Name, "set -e\n"+s.Run)
		var env []string
		for name, value := range s.Env {
			env = append(env, name+"="+evaluate(t, value, values))
		}
		slices.Sort(env)
		run(t, dir, s.Run, env...)
		ran++
	}
	if ran != 2 {
		t.Errorf("%d steps of the action ran", ran)
	}
}
