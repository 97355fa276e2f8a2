// Package secret seals what must not be read at rest: BGP passwords, device
// logins, webhook keys. Each secret gets a data key of its own, and a key from a
// file seals that data key (an envelope), so that changing the file's key never
// needs the clear text. A service such as Vault or a KMS may take the file's
// place: it only has to seal and open, as File does.
//
// It stores nothing but the key file and knows nothing of databases. Start with
// OpenFile; the sealed form is in envelope.go.
package secret

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"peerflow/internal/peering"
)

const keyLength = 32 // bytes, AES-256

// File keeps keys in a file that only its owner may read. The first key seals;
// the others still open what they sealed.
type File struct {
	current string
	keys    map[string][]byte // by key id
}

// OpenFile reads the key file. With create it makes one when there is none, with
// a fresh key, so that two processes that start at once end up with the same one.
// A file that others may read is refused.
func OpenFile(path string, create bool) (*File, error) {
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := createFile(path); err != nil {
			return nil, fmt.Errorf("create key file %s: %w", path, err)
		}
		text, err = readPrivate(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, peering.Errorf(peering.Unavailable, "key file %s is missing: restore it from a backup, or copy the one other processes use; peerflow migrate makes one only while no secret is stored", path)
	}
	if err != nil {
		return nil, err
	}
	f, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return f, nil
}

// Seal encrypts with the file's first key; keyID names it for Open.
func (f *File) Seal(_ context.Context, plaintext, additional []byte) (keyID string, ciphertext []byte, err error) {
	ciphertext, err = seal(f.keys[f.current], plaintext, additional)
	return f.current, ciphertext, err
}

// Open decrypts what Seal made with the same additional data; an error never holds any of it.
func (f *File) Open(_ context.Context, keyID string, ciphertext, additional []byte) ([]byte, error) {
	key, ok := f.keys[keyID]
	if !ok {
		return nil, peering.Errorf(peering.Unavailable, "key %s is not in the key file: restore the file that had it", keyID)
	}
	plaintext, err := open(key, ciphertext, additional)
	if err != nil {
		return nil, peering.NewError(peering.Invalid, "a stored secret doesn't open: it was damaged, or moved from another place")
	}
	return plaintext, nil
}

// readPrivate reads a file that nobody but its owner can.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, peering.Errorf(peering.Denied, "key file %s has mode %04o: chmod 600 it, others must not read it", path, mode.Perm())
	}
	return os.ReadFile(path)
}

const header = "# Keys that seal peerflow's stored secrets; the first one is in use. Back this file up, apart from the database.\n"

// createFile writes a new key aside and links it into place: whoever comes second finds the first one's.
func createFile(path string) error {
	key := make([]byte, keyLength)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	aside, err := os.CreateTemp(dir, ".key-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	_, err = fmt.Fprintf(aside, "%s%s\n", header, base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	if err := os.Link(aside.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parse reads one base64 key a line; lines that start with # are comments.
func parse(text []byte) (*File, error) {
	f := &File{keys: map[string][]byte{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyLength {
			return nil, peering.Errorf(peering.Invalid, "line %d is no key of %d bytes in base64", n, keyLength)
		}
		id := idOf(key)
		f.keys[id] = key
		if f.current == "" {
			f.current = id
		}
	}
	if f.current == "" {
		return nil, peering.NewError(peering.Invalid, "it holds no key")
	}
	return f, nil
}

// idOf names a key without telling anything of it.
func idOf(key []byte) string {
	sum := sha256.Sum256(append([]byte("peerflow key id\x00"), key...))
	return "file-" + hex.EncodeToString(sum[:6])
}
