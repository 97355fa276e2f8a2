package secret

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"peerflow/internal/peering"
)

func newFile(t *testing.T) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys", "secrets.key")
	f, err := OpenFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

func TestSealedSecretsOpenWhereTheyBelongAndNowhereElse(t *testing.T) {
	t.Parallel()
	f, path := newFile(t)
	id, sealed, err := f.Seal(t.Context(), []byte("canary"), []byte("secret 1 version 1"))
	if err != nil || bytes.Contains(sealed, []byte("canary")) {
		t.Fatalf("seal: %v, or the text is in clear", err)
	}
	again, err := OpenFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := again.Open(t.Context(), id, sealed, []byte("secret 1 version 1")); err != nil || string(text) != "canary" {
		t.Errorf("after a restart: %q, %v", text, err)
	}
	if _, err := f.Open(t.Context(), id, sealed, []byte("secret 1 version 2")); peering.KindOf(err) != peering.Invalid {
		t.Errorf("in the place of another version: %v", err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := f.Open(t.Context(), id, damaged, []byte("secret 1 version 1")); err == nil {
			t.Errorf("byte %d changed, and it still opens", i)
		}
		if _, err := f.Open(t.Context(), id, sealed[:i], []byte("secret 1 version 1")); err == nil {
			t.Errorf("cut to %d bytes, and it still opens", i)
		}
	}
	if _, twice, _ := f.Seal(t.Context(), []byte("canary"), []byte("secret 1 version 1")); bytes.Equal(twice, sealed) {
		t.Error("the same text sealed twice looks the same")
	}
}

func TestOldKeysStillOpen(t *testing.T) {
	t.Parallel()
	f, path := newFile(t)
	id, sealed, err := f.Seal(t.Context(), []byte("canary"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	fresh := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, keyLength))
	if err := os.WriteFile(path, append([]byte(fresh+"\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	rotated, err := OpenFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rotated.Open(t.Context(), id, sealed, nil); err != nil {
		t.Errorf("after a new first key: %v", err)
	}
	if now, _, _ := rotated.Seal(t.Context(), nil, nil); now == id {
		t.Error("the new first key is not in use")
	}
	if _, err := f.Open(t.Context(), "file-000000000000", sealed, nil); peering.KindOf(err) != peering.Unavailable || !strings.Contains(err.Error(), "file-000000000000") {
		t.Errorf("a key that isn't there: %v", err)
	}
}

func TestKeyFileIsPrivateAndMadeOnce(t *testing.T) {
	t.Parallel()
	_, path := newFile(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(path, true); peering.KindOf(err) != peering.Denied {
		t.Errorf("a file that the group may read: %v", err)
	}
	if _, err := OpenFile(path+"2", false); peering.KindOf(err) != peering.Unavailable {
		t.Errorf("a missing file: %v", err)
	}
	shared := filepath.Join(t.TempDir(), "k")
	ids := make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			f, err := OpenFile(shared, true)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = f.current
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("processes that start at once have different keys: %v", ids)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(shared), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedKeyFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "comment alone": "# nothing\n", "no base64": "§§§\n", "too short": "YWJj\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenFile(path, true); peering.KindOf(err) != peering.Invalid {
				t.Errorf("%v, want kind invalid", err)
			}
		})
	}
}
