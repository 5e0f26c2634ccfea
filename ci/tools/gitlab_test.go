package tools

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

type gitlabJob struct {
	Extends, Image, Stage, When string
	Parallel                    int
	Needs                       []string
	BeforeScript                []string `json:"before_script"`
	Script                      []string
	Artifacts                   struct {
		When    string
		Paths   []string
		Reports struct{ Junit string }
	}
}

// The jobs, run here, write the report of all tests.
func TestGitLab(t *testing.T) {
	var jobs map[string]gitlabJob
	load(t, "gitlab/lua-tests.yml", &jobs)
	repository := repository(t)
	script := func(job gitlabJob) string {
		text := strings.Join(append(jobs[job.Extends].BeforeScript, job.Script...), "\n")
		shellcheck(t, "lua-tests.yml", "set -e\n"+text)
		return text
	}
	tests, report := jobs["lua-tests"], jobs["lua-report"]
	if tests.Parallel < 2 || len(report.Needs) != 1 || report.Needs[0] != "lua-tests" {
		t.Fatalf("the jobs are %+v", jobs)
	}
	for i := range tests.Parallel {
		run(t, repository, script(tests), fmt.Sprintf("CI_NODE_INDEX=%d", i+1), fmt.Sprintf("CI_NODE_TOTAL=%d", tests.Parallel))
	}
	if files, err := filepath.Glob(filepath.Join(repository, tests.Artifacts.Reports.Junit)); err != nil || len(files) != tests.Parallel {
		t.Errorf("reports for GitLab: %q, %v", files, err)
	}
	run(t, repository, script(report))
	sameAsWhole(t, repository, filepath.Join(repository, "report.xml"), ".")
}
