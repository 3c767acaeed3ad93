package deptest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machineTime is what reads or waits on the machine's clock. Everything takes a
// clock.Clock instead, tests too, so that time can be moved and nobody has to wait.
var machineTime = []string{"Now", "After", "Sleep", "NewTimer", "NewTicker", "Tick", "AfterFunc", "Since", "Until"}

// mayUseMachineTime are the folders that are not held to it. An example stands for a program
// of somebody else's.
var mayUseMachineTime = []string{"internal/clock", "cmd", "docs/examples"}

func TestTimeOnlyThroughClock(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch relative = filepath.ToSlash(relative); {
		case d.IsDir() && (slices.Contains(mayUseMachineTime, relative) || skipped(d.Name())):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(relative, ".go"):
			return nil
		}
		files++
		found, err := timeUses(relative, path, nil)
		if err != nil {
			return err
		}
		for _, use := range found {
			t.Error(use)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}

// skipped are folders that the go command skips as well.
func skipped(name string) bool {
	return name == "testdata" || name == "vendor" || name == "node_modules" || len(name) > 2 && (name[0] == '.' || name[0] == '_')
}

// timeUses lists the uses of the machine's clock in a file, by whatever name it imports
// package time. src replaces the file's text, for the test of this.
func timeUses(name, path string, src any) ([]string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	imported := ""
	var found []string
	report := func(at token.Pos, what string) {
		found = append(found, fmt.Sprintf("%s:%d: %s; take a clock.Clock (or clock.SocketDeadline, clock.Stopwatch)", name, set.Position(at).Line, what))
	}
	for _, i := range file.Imports {
		switch {
		case i.Path.Value != `"time"`:
		case i.Name == nil:
			imported = "time"
		case i.Name.Name == ".":
			report(i.Pos(), "package time is imported without a name")
		default:
			imported = i.Name.Name
		}
	}
	if imported == "" || imported == "_" {
		return found, nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == imported && slices.Contains(machineTime, s.Sel.Name) {
			report(s.Pos(), "time."+s.Sel.Name+" reads the machine's clock")
		}
		return true
	})
	return found, nil
}

func TestTimeUses(t *testing.T) {
	for _, c := range []struct {
		rule, src string
		want      int
	}{
		{"now", `package p; import "time"; var x = time.Now()`, 1},
		{"a sleep under another name", `package p; import t "time"; func f() { t.Sleep(1); t.Sleep(2) }`, 2},
		{"now as a value", `package p; import "time"; var now = time.Now`, 1},
		{"in a closure", `package p; import "time"; func f() { go func() { <-time.After(1) }() }`, 1},
		{"without a name", `package p; import . "time"; var x = Now()`, 1},
		{"durations and dates", `package p; import "time"; var x = time.Second; var y = time.Date(1,1,1,1,1,1,1,time.UTC)`, 0},
		{"another package's", `package p; import "example.test/time2"; var x = time2.Now()`, 0},
		{"a method of that name", `package p; import "time"; type c struct{}; func (c) Now() time.Time { return time.Time{} }; var x = c{}.Now()`, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			found, err := timeUses("p.go", "p.go", c.src)
			if err != nil || len(found) != c.want {
				t.Errorf("%v, %q", err, found)
			}
		})
	}
}
