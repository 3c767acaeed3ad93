package deptest_test

import (
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// embeddable are the packages that programs outside of this module call.
var embeddable = []string{
	"dpslabtest", "suites", "suites/harness", "suites/engine", "suites/sut", "suites/wire", "suites/control",
	"simulator/device", "simulator/identity", "reports",
}

// unnamed are packages whose types outsiders are handed and need no name for.
var unnamed = map[string]string{
	"internal/devwire/amqpframe": "frames are a matter of wire.AMQPConn, whose methods make and read them",
	"internal/transcript":        "what is recorded is kept by the harness, and read as reports.Event, whose words are strings",
}

// Nobody outside can import internal/…: a type from there that an outsider has to write down,
// as a parameter, a field or the value of one, needs an alias in a package that they can.
func TestOutsidersCanNameWhatTheyAreHanded(t *testing.T) {
	pkgs := load(t, embeddable)
	named := map[string]bool{}
	w := walker{seen: map[types.Type]bool{}, handed: map[string]string{}}
	for _, p := range pkgs {
		for _, name := range p.Types.Scope().Names() {
			o := p.Types.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			w.walk(o.Type(), p.Name+"."+name)
			if alias, ok := o.(*types.TypeName); ok && alias.IsAlias() {
				if to, ok := types.Unalias(alias.Type()).(*types.Named); ok {
					named[path(to)] = true
				}
			}
		}
	}
	if len(w.handed) < 20 {
		t.Errorf("only %d internal types were found; the walk is broken", len(w.handed))
	}
	for _, p := range slices.Sorted(maps.Keys(w.handed)) {
		folder := p[:strings.LastIndex(p, ".")]
		if !named[p] && unnamed[folder] == "" {
			t.Errorf("%s has no name outside: add an alias to suites/wire, suites/control or where it belongs (reached by %s)", p, w.handed[p])
		}
	}
}

func load(t *testing.T, folders []string) []*packages.Package {
	t.Helper()
	var paths []string
	for _, f := range folders {
		paths = append(paths, module+"/"+f)
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedExportFile}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			t.Fatalf("%s: %v", p.PkgPath, p.Errors[0])
		}
	}
	return pkgs
}

// walker finds the internal types that can be reached from exported names.
type walker struct {
	seen   map[types.Type]bool
	handed map[string]string // by path: the way to it
}

// path is a type's, from the module's root: internal/devwire.Answer. "" is a type of another
// module.
func path(t *types.Named) string {
	if t.Obj().Pkg() == nil {
		return ""
	}
	inside, ok := strings.CutPrefix(t.Obj().Pkg().Path(), module+"/")
	if !ok {
		return ""
	}
	return inside + "." + t.Obj().Name()
}

func (w walker) walk(t types.Type, way string) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		w.named(t, way)
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.walk(f.Type(), way+"."+f.Name())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			w.walk(m.Type(), way+"."+m.Name())
		}
	case *types.Signature:
		for v := range t.Params().Variables() {
			w.walk(v.Type(), way)
		}
		for v := range t.Results().Variables() {
			w.walk(v.Type(), way)
		}
	case *types.Map:
		w.walk(t.Key(), way)
		w.walk(t.Elem(), way)
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.walk(t.Elem(), way)
	}
}

func (w walker) named(t *types.Named, way string) {
	p := path(t)
	if p == "" {
		return
	}
	if !t.Obj().Exported() && !strings.HasPrefix(p, "internal/") {
		return // nobody outside can look into it
	}
	if strings.HasPrefix(p, "internal/") {
		if w.handed[p] == "" {
			w.handed[p] = way
		}
		if unnamed[p[:strings.LastIndex(p, ".")]] != "" {
			return
		}
	}
	for m := range t.Methods() {
		if m.Exported() {
			w.walk(m.Type(), fmt.Sprintf("%s.%s", way, m.Name()))
		}
	}
	w.walk(t.Underlying(), way)
}
