package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is the product's hand-written Go: no tests, nothing generated, not this package.
func source(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	var list []*ast.File
	for _, p := range ourPackages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if !ast.IsGenerated(file) {
				list = append(list, file)
			}
		}
	}
	return fset, list
}

// Short functions and files are what makes this code readable in one sitting. The limits are shares, not maxima:
// a long table or a long switch may be the clearest way to say something.
func TestHalfOfAllFunctionsAreShortAndNineInTenFitOnAScreen(t *testing.T) {
	t.Parallel()
	fset, sources := source(t)
	var functions, fileLines []int
	for _, file := range sources {
		fileLines = append(fileLines, fset.Position(file.FileEnd).Line)
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Body != nil {
				functions = append(functions, fset.Position(f.End()).Line-fset.Position(f.Pos()).Line+1)
			}
		}
	}
	t.Logf("%d functions: median %d lines, nine in ten at most %d; %d files: nine in ten at most %d lines",
		len(functions), share(functions, 50), share(functions, 90), len(fileLines), share(fileLines, 90))
	limits := []struct {
		what      string
		got, most int
	}{
		{"the median function", share(functions, 50), 14},
		{"nine functions in ten", share(functions, 90), 45},
		{"nine files in ten", share(fileLines, 90), 450},
	}
	for _, limit := range limits {
		if limit.got > limit.most {
			t.Errorf("%s: %d lines, and should be at most %d; split the longest ones", limit.what, limit.got, limit.most)
		}
	}
}

// share is the value that this many per cent of the numbers don't exceed; 0 without numbers.
func share(numbers []int, percent int) int {
	if len(numbers) == 0 {
		return 0
	}
	slices.Sort(numbers)
	return numbers[(len(numbers)-1)*percent/100]
}

func TestEachPackageSaysWhatItHolds(t *testing.T) {
	t.Parallel()
	fset, sources := source(t)
	said := map[string]bool{}
	for _, file := range sources {
		folder := filepath.Dir(fset.Position(file.FileStart).Filename)
		said[folder] = said[folder] || file.Doc != nil
	}
	for folder, ok := range said {
		if !ok {
			t.Errorf("the package in %s has no package comment: what it holds, what it must not hold, where to start reading", folder)
		}
	}
}

// The name of an activity's method is its name in every history. Two structs with the same method name panic in a real
// worker, and in the SDK's test environment the later registration silently runs in place of the earlier.
func TestActivityNamesAreUnique(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(root, "activities", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var sources []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, file)
	}
	for name, owners := range activityOwners(sources) {
		if len(owners) > 1 {
			t.Errorf("activity %s is a method of %s: the name is what Temporal knows it by, so it must be one struct's alone", name, strings.Join(owners, " and "))
		}
	}
}

func TestActivityNamesAreCountedAcrossStructs(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "", `package activities
		func (*Routers) Push(ctx context.Context, in PushInput) error { return nil }
		func (*Mail) Push(ctx context.Context) error { return nil }
		func (Mail) Send(ctx context.Context) error { return nil }
		func (*Routers) Close() {}
		func (*Mail) Close() {}
		func Push(ctx context.Context) {}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	owners := activityOwners([]*ast.File{file})
	if got := strings.Join(owners["Push"], ","); got != "Routers,Mail" {
		t.Errorf("owners of Push: %q, want both structs and not the function", got)
	}
	if got := owners["Close"]; got != nil {
		t.Errorf("owners of Close: %q, and a method without a context is no activity", got)
	}
}

// activityOwners maps each activity's name to the structs that have it: exported methods of exported types, context first.
func activityOwners(sources []*ast.File) map[string][]string {
	owners := map[string][]string{}
	for _, file := range sources {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || !takesContextFirst(f) {
				continue
			}
			if receiver := receiverName(f); ast.IsExported(receiver) {
				owners[f.Name.Name] = append(owners[f.Name.Name], receiver)
			}
		}
	}
	return owners
}

func takesContextFirst(f *ast.FuncDecl) bool {
	if len(f.Type.Params.List) == 0 {
		return false
	}
	selector, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && of.Name == "context" && selector.Sel.Name == "Context"
}

func receiverName(f *ast.FuncDecl) string {
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	name, ok := receiver.(*ast.Ident)
	if !ok {
		return ""
	}
	return name.Name
}
