package urlpath_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/urlpath"
)

var paths = []struct {
	rule, path string
	want       []string
}{
	{"as they are", "/a/b/c", []string{"a", "b", "c"}},
	{"a slash at the end", "/a/b/", []string{"a", "b"}},
	{"slashes at the beginning", "//a", []string{"a"}},
	{"decoded, upper-case hex", "/a%3Ab", []string{"a:b"}},
	{"decoded, lower-case hex", "/a%3ab", []string{"a:b"}},
	{"decoded once", "/a%253Ab", []string{"a%3Ab"}},
	{"an encoded slash separates nothing", "/a%2Fb/c", []string{"a/b", "c"}},
	{"a plus stays a plus", "/a+b", []string{"a+b"}},
	{"an empty one within", "/a//c", []string{"a", "", "c"}},
	{"no path", "", []string{""}},
	{"nothing but a slash", "/", []string{""}},
}

func TestSegments(t *testing.T) {
	for _, c := range paths {
		u, err := url.ParseRequestURI("https://h" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlpath.Segments(u); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// Joined and encoded again the segments are the path.
func FuzzSegments(f *testing.F) {
	for _, c := range paths {
		f.Add(c.path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI("/" + path)
		if err != nil || u.Path == "" {
			return
		}
		if got := strings.Join(urlpath.Segments(u), "/"); got != strings.Trim(u.Path, "/") && !strings.Contains(strings.ToUpper(u.EscapedPath()), "%2F") {
			t.Errorf("%q is %q", u.Path, got)
		}
	})
}
