package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnrollmentsByHand(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	const key = "cGxhbnQta2V5LXBsYW50LWtleS1wbGFudC1rZXktcGxhbnQta2V5"
	do := func(says string, args ...string) string {
		t.Helper()
		p := lab.dpslab(t, append([]string{"enroll"}, args...)...)
		if p.code != exitPassed || p.stderr.String() != "" || !strings.Contains(p.stdout.String(), says) {
			t.Errorf("%s", p)
		}
		return p.stdout.String()
	}
	do("group line-a is enrolled\n", "group", "line-a", "--key", "--tags", `{"site":"north"}`, "--desired", `{"interval":30}`, "--policy", "hashed",
		"--hub", lab.vars["DPSLAB_HUB_2_HOST"], "--hub", lab.vars["DPSLAB_HUB_3_HOST"], "--disabled")
	do("individual pump-1 is enrolled\n", "individual", "pump-1", "--key="+key, "--secondary-key", key, "--device-id", "pump-one", "--edge")
	if told := do("primary key ", "individual", "pump-2", "--key", "--show-keys"); !strings.Contains(told, "secondary key ") {
		t.Errorf("%q", told)
	}
	root := filepath.Join(t.TempDir(), "plant")
	do("group plant is enrolled\n", "group", "plant", "--new-root", root)
	if mode := modeOf(t, filepath.Join(root, "root-key.pem")); mode != 0o600 {
		t.Errorf("root-key.pem has mode %o", mode)
	}
	do("individual cert-1 is enrolled\n", "individual", "cert-1", "--certificate", filepath.Join(root, "root.pem"))

	var record map[string]any
	shown := do("line-a", "show", "group", "line-a")
	if err := json.Unmarshal([]byte(shown), &record); err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	if record["provisioningStatus"] != "disabled" || record["allocationPolicy"] != "hashed" || len(record["iotHubs"].([]any)) != 2 ||
		!strings.Contains(strings.Join(strings.Fields(shown), ""), `"tags":{"site":"north"}`) || !strings.Contains(shown, `"interval": 30`) {
		t.Errorf("%s", shown)
	}
	if err := json.Unmarshal([]byte(do("pump-1", "show", "individual", "pump-1")), &record); err != nil {
		t.Fatal(err)
	}
	if record["deviceId"] != "pump-one" || record["capabilities"].(map[string]any)["iotEdge"] != true {
		t.Errorf("%v", record)
	}
	if shown := do("pump-1", "show", "individual", "pump-1"); strings.Contains(shown, key) {
		t.Errorf("a key is shown unasked: %s", shown)
	}
	do(key, "show", "individual", "pump-1", "--keys")

	list := do("", "list")
	for _, line := range []string{"individual pump-1", "individual pump-2", "individual cert-1", "group      line-a", "group      plant"} {
		if !strings.Contains(list, line+" ") {
			t.Errorf("%q is not in the list:\n%s", line, list)
		}
	}
	do("individual pump-1 is gone\nindividual pump-2 is gone\n", "rm", "individual", "pump-1", "pump-2")
	do("group line-a is gone\n", "rm", "group", "line-a")
	if list := do("", "list"); strings.Contains(list, "pump") || strings.Contains(list, "line-a") || strings.Count(list, "\n") != 2 {
		t.Errorf("%s", list)
	}
}

func TestEnrollRefusals(t *testing.T) {
	t.Parallel()
	lab := up(t)
	if p := lab.dpslab(t, "enroll", "individual", "there", "--key"); p.code != exitPassed {
		t.Fatalf("%s", p)
	}
	for _, c := range []struct{ line, says string }{
		{"individual x", "give --key, --certificate FILE"},
		{"individual x --certificate /missing.pem", "/missing.pem"},
		{"individual x --key --tags {", "--tags"},
		{"individual x --key --desired nope", "--desired"},
		{"individual x --key --policy odd", "400"},
		{"individual bad*id --key", "400"},
		{"individual x --key=c2hvcnQ=", "400"},
		{"individual there --key", "409"},
		{"show individual nobody", "404"},
		{"show things nobody", `"things" is neither individual nor group`},
		{"rm group nobody", "404"},
	} {
		p := lab.dpslab(t, append([]string{"enroll"}, strings.Fields(c.line)...)...)
		if p.code != exitUntestable || p.stdout.String() != "" {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, c.says)
	}
	for _, command := range []string{"enroll list", "enroll rm group g", "device d --from-group g"} {
		p := invoke(t, environment(t), "dpslab", strings.Fields(command)...)
		if p.code != exitUntestable {
			t.Errorf("%s", p)
		}
		oneLineOf(t, p, "--target FILE", "dpslab up --env-file")
	}
	lab.interrupt()
	lab.wait(t)
	p := lab.dpslab(t, "enroll", "list")
	if p.code != exitUntestable {
		t.Errorf("%s", p)
	}
	oneLineOf(t, p, "connection refused")
}

func TestAListOfMoreThanAPage(t *testing.T) {
	t.Parallel()
	lab := up(t).open(t)
	service := lab.service(t)
	const many = 1100 // the service answers 1000 at once at most
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for i := range many {
		id := fmt.Sprintf("d-%04d", i)
		answer, err := service.PutEnrollment(context.Background(), map[string]any{
			"registrationId": id, "attestation": map[string]any{"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": key, "secondaryKey": key}},
		})
		if err != nil || answer.Status != 200 {
			t.Fatalf("%v %v", answer, err)
		}
	}
	if p := lab.dpslab(t, "enroll", "list"); p.code != exitPassed || strings.Count(p.stdout.String(), "individual d-") != many {
		t.Errorf("%d lines of %d", strings.Count(p.stdout.String(), "\n"), many)
	}
}

func TestNewRootIsKeptWhereItIs(t *testing.T) {
	t.Parallel()
	lab := up(t)
	folder := filepath.Join(t.TempDir(), "plant")
	var roots []string
	for _, group := range []string{"one", "two"} {
		if p := lab.dpslab(t, "enroll", "group", group, "--new-root", folder); p.code != exitPassed {
			t.Fatalf("%s", p)
		}
		pem, err := os.ReadFile(filepath.Join(folder, "root.pem"))
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, string(pem))
	}
	if roots[0] != roots[1] {
		t.Error("a root that devices have certificates of was replaced")
	}
}
