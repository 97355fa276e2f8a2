package main

import (
	"os"
	"path/filepath"
	"strings"
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

// TestRandomTemplatesRenderAsJinja2RendersThem: each difference printed is a case for testdata/found-cases.json.
func TestRandomTemplatesRenderAsJinja2RendersThem(t *testing.T) {
	t.Parallel()
	if _, err := jinjatest.Python(); err != nil {
		t.Skip(err)
	}
	var report strings.Builder
	differ, err := run(t.Context(), []string{"-n", "2000", "-seed", "20"}, &report)
	if err != nil || differ > 0 {
		t.Fatalf("%v\n%s", err, report.String())
	}
	if !strings.HasPrefix(report.String(), "seed 20: 19") {
		t.Errorf("compared too little: %s", report.String())
	}
}

// TestADifferenceIsTold: an expectation of Jinja2 that the engine can't meet is printed as a case.
func TestADifferenceIsTold(t *testing.T) {
	t.Parallel()
	python := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho '{\"expected\": \"not what comes\"}'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	differ, err := run(t.Context(), []string{"-n", "1", "-seed", "3", "-python", python}, &report)
	if err != nil || differ != 1 {
		t.Fatalf("%d differ, %v", differ, err)
	}
	_, line, found := strings.Cut(report.String(), "case: ")
	line, _, _ = strings.Cut(line, "\n")
	cases, err := jinjatest.Read([]byte("[" + line + "]"))
	if !found || err != nil || cases[0].Template != generate(1, 3)[0].Template || *cases[0].Expected != "not what comes" {
		t.Errorf("no case in the report, %v:\n%s", err, report.String())
	}
}

func TestADifferenceIsKeptOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "found.json")
	var found []difference
	for _, c := range generate(3, 1) {
		found = append(found, difference{Case: c})
	}
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
