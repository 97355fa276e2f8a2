package main

import (
	"os"
	"path/filepath"
	"testing"

	"peerflow/internal/jinja/jinjatest"
)

func TestASeedGivesTheSameTemplates(t *testing.T) {
	t.Parallel()
	first, again, other := generate(50, 7), generate(50, 7), generate(50, 8)
	differ := 0
	for i := range first {
		if first[i].Template != again[i].Template || string(first[i].Context) != string(again[i].Context) {
			t.Errorf("template %d differs:\n%s\n%s", i, first[i].Template, again[i].Template)
		}
		if first[i].Template != other[i].Template {
			differ++
		}
	}
	if differ == 0 {
		t.Error("another seed gives the same templates")
	}
}

func TestADifferenceIsKeptOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "found.json")
	found := generate(3, 1)
	for range 2 {
		if err := keep(file, found); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := jinjatest.Read(data)
	if err != nil || len(cases) != 3 || cases[0].Template != found[0].Template {
		t.Errorf("kept %d cases, %v", len(cases), err)
	}
}
