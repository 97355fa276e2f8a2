package up

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALogThatHasGrownStartsAfreshAndKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "postgres.log")
	writer, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	write := func(text string) {
		t.Helper()
		if _, err := writer.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := bound(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(path, want string) {
		t.Helper()
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s holds %q (%v), want %q", path, text, err, want)
		}
	}
	old := strings.Repeat("x", 99) + "\n"
	write(old)
	holds(path, old)
	write("one too many\n")
	holds(path, "")
	write("new\n")
	holds(path, "new\n")
	holds(path+".1", old+"one too many\n")
	if err := bound(filepath.Join(t.TempDir(), "none.log"), 100); err != nil {
		t.Errorf("a log that isn't there yet: %v", err)
	}
}
