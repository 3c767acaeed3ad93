package ciexamples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// root is the module's folder, as seen from the tests.
var root = filepath.Join("..", "..", "..")

// pipeline is an example as the test runs it.
type pipeline struct {
	env   map[string]string
	steps []step
}

// step is what one shell runs.
type step struct {
	name   string
	shell  []string // its words before the script's file
	script string
}

// examples are the files of docs/ci and how each is read.
var examples = []struct {
	file string
	read func(t *testing.T, file []byte) pipeline
}{
	{"github-actions.yml", readGitHub},
	{"gitlab-ci.yml", readGitLab},
	{"azure-pipelines.yml", readAzure},
}

func readExample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "ci", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decode reads YAML strictly: a member that v does not have is an error, so that a mistyped
// one does not go unnoticed.
func decode(t *testing.T, text []byte, v any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions(text, v, yaml.Strict()); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
}

// readGitHub reads a workflow; actionlint judges it (TestGitHubWorkflowIsOne).
func readGitHub(t *testing.T, text []byte) pipeline {
	t.Helper()
	var w struct {
		Name        string
		On          []string
		Permissions map[string]string
		Env         map[string]string
		Jobs        map[string]struct {
			RunsOn  string `yaml:"runs-on"`
			Timeout int    `yaml:"timeout-minutes"`
			Steps   []struct {
				Name, Uses, Run, If string
				With                map[string]string
			}
		}
	}
	decode(t, text, &w)
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		t.Errorf("permissions %v; reading the repository is enough", w.Permissions)
	}
	p := pipeline{env: w.Env}
	kept := ""
	for name, job := range w.Jobs {
		if job.RunsOn == "" || job.Timeout == 0 {
			t.Errorf("job %s runs on %q for at most %d minutes", name, job.RunsOn, job.Timeout)
		}
		for _, s := range job.Steps {
			switch {
			case (s.Run == "") == (s.Uses == ""):
				t.Errorf("step %q either runs or uses something", s.Name)
			case s.Run != "":
				p.steps = append(p.steps, step{s.Name, []string{"bash", "-e"}, s.Run}) // GitHub's default shell
			case strings.HasPrefix(s.Uses, "actions/upload-artifact@v") && strings.Contains(s.If, "!cancelled()"):
				kept = s.With["path"]
			}
		}
	}
	keeps(t, kept)
	return p
}

// readGitLab reads one job and the variables around it.
func readGitLab(t *testing.T, text []byte) pipeline {
	t.Helper()
	var c struct {
		Variables    map[string]string
		Provisioning struct {
			Image, Timeout string
			BeforeScript   []string `yaml:"before_script"`
			Script         []string
			Artifacts      struct {
				When    string
				Paths   []string
				Reports struct{ JUnit string }
			}
		}
	}
	decode(t, text, &c)
	job := c.Provisioning
	if !strings.Contains(job.Image, ":") || job.Timeout == "" {
		t.Errorf("image %q, timeout %q", job.Image, job.Timeout)
	}
	if job.Artifacts.When != "always" || len(job.Artifacts.Paths) != 1 || job.Artifacts.Reports.JUnit != report+"/junit.xml" {
		t.Errorf("artifacts %+v", job.Artifacts)
	} else {
		keeps(t, job.Artifacts.Paths[0])
	}
	// The runner puts all lines into one shell.
	lines := slices.Concat(job.BeforeScript, job.Script)
	return pipeline{c.Variables, []step{{"provisioning", []string{"bash", "-eo", "pipefail"}, strings.Join(lines, "\n")}}}
}

// readAzure reads the steps of the only job.
func readAzure(t *testing.T, text []byte) pipeline {
	t.Helper()
	var a struct {
		Trigger []string
		Pool    struct {
			Image string `yaml:"vmImage"`
		}
		Variables map[string]string
		Steps     []struct {
			Bash, Task, Publish, Condition, Artifact string
			Name                                     string `yaml:"displayName"`
			Timeout                                  int    `yaml:"timeoutInMinutes"`
			Inputs                                   map[string]string
		}
	}
	decode(t, text, &a)
	if a.Pool.Image == "" {
		t.Error("no image to run in")
	}
	p := pipeline{env: a.Variables}
	kept, told := "", ""
	for _, s := range a.Steps {
		if s.Bash != "" {
			p.steps = append(p.steps, step{s.Name, []string{"bash", "--noprofile", "--norc"}, s.Bash})
			continue
		}
		if s.Condition != "succeededOrFailed()" {
			t.Errorf("step %q runs on %q, so not after a failure", s.Name, s.Condition)
		}
		switch {
		case s.Task == "PublishTestResults@2" && s.Inputs["testResultsFormat"] == "JUnit":
			told = s.Inputs["testResultsFiles"]
		case s.Publish != "" && s.Artifact != "":
			kept = s.Publish
		default:
			t.Errorf("step %q does nothing that is known here", s.Name)
		}
	}
	if told != report+"/junit.xml" {
		t.Errorf("verdicts are read from %q", told)
	}
	keeps(t, kept)
	return p
}

// report is the folder that conformance writes its report to, in every example.
const report = "dpslab-report"

func keeps(t *testing.T, path string) {
	t.Helper()
	if strings.TrimSuffix(path, "/") != report {
		t.Errorf("kept is %q, and the report is in %s", path, report)
	}
}
