package requirement_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/requirement"
)

// citation is an id at the line that keeps it, whatever is wrong with the id.
var citation = regexp.MustCompile(`\[` + `(DPS-[^\]]*)\]`)

// A reader who looks for a clause at the line that keeps it must find a clause.
func TestEveryIDThatCodeCitesExists(t *testing.T) {
	cited := 0
	for _, folder := range []string{"reference", "fakehub", "internal"} {
		root := filepath.Join("..", "..", folder)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			lines := bufio.NewScanner(file)
			for n := 1; lines.Scan(); n++ {
				for _, m := range citation.FindAllStringSubmatch(lines.Text(), -1) {
					cited++
					if _, known := requirement.Find(m[1]); !known {
						t.Errorf("%s:%d cites %q, which the catalogue does not have", path, n, m[1])
					}
				}
			}
			return lines.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if cited < 100 {
		t.Errorf("only %d citations were found", cited)
	}
}
