package tools

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The manifest has no field that the API does not know, and says what the pods need.
func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "ci", "kubernetes", "job.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	if len(documents) != 2 {
		t.Fatalf("%d documents", len(documents))
	}
	var job batchv1.Job
	var claim corev1.PersistentVolumeClaim
	for i, into := range []any{&job, &claim} {
		if err := yaml.UnmarshalStrict(documents[i], into); err != nil {
			t.Fatal(err)
		}
	}
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || claim.APIVersion != "v1" || claim.Kind != "PersistentVolumeClaim" {
		t.Errorf("they are of %s %s, %s %s", job.APIVersion, job.Kind, claim.APIVersion, claim.Kind)
	}
	s := job.Spec
	if s.CompletionMode == nil || *s.CompletionMode != batchv1.IndexedCompletion || s.Completions == nil || s.Parallelism == nil || *s.Parallelism > *s.Completions {
		t.Fatalf("the Job is %+v", s)
	}
	pod := s.Template.Spec
	if p := pod.SecurityContext; pod.RestartPolicy != corev1.RestartPolicyNever || p.RunAsNonRoot == nil || !*p.RunAsNonRoot || *p.RunAsUser == 0 {
		t.Errorf("the pods are %+v", pod)
	}
	c := pod.Containers[0]
	if pod.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Name || c.VolumeMounts[0].Name != pod.Volumes[0].Name || c.VolumeMounts[0].MountPath != "/reports" {
		t.Errorf("the container is %+v", c)
	}

	// What the pods run, run here, writes the report of all tests.
	repository, reports := repository(t), t.TempDir()
	run(t, repository, "go install "+module+"/cmd/nodemcu-sim@latest")
	for i := range int(*s.Completions) {
		index := fmt.Sprint(i)
		args := strings.Join(c.Args, " ")
		for _, r := range [][2]string{{"$(JOB_COMPLETION_INDEX)", index}, {"/reports", reports}, {"/app", "."}} {
			if !strings.Contains(args, r[0]) {
				t.Fatalf("%s is not in %s", r[0], args)
			}
			args = strings.ReplaceAll(args, r[0], r[1])
		}
		if out := run(t, repository, "nodemcu-sim "+args, "JOB_COMPLETION_INDEX="+index); !strings.Contains(out, fmt.Sprintf("shard %d/%d: ", i+1, *s.Completions)) {
			t.Errorf("pod %d says\n%s", i, out)
		}
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	run(t, repository, "nodemcu-sim merge --junit "+report+" "+reports)
	sameAsWhole(t, repository, report, ".")
}
