// Package temporalauth is what a client and the embedded Temporal server agree on to know each other: a secret that
// lies in the data folder, sent as a bearer token with every call, and beside it the name of the person it acts for.
//
// It must not import Temporal's server: workers and the API use it too. Start reading at Headers.
package temporalauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	// Header carries the secret.
	Header = "authorization"
	// UserHeader carries the person's name, percent-encoded. It is believed only from a holder of the secret.
	UserHeader = "authorization-extras"

	scheme    = "Bearer "
	minSecret = 32 // characters: 128 bits in hexadecimal
)

// Provider adds the secret to every call of a Temporal client: client.Options{HeadersProvider: Headers(secret)}.
type Provider struct{ secret string }

// Headers returns the provider for a secret. An empty one adds nothing, as for a Temporal server without a secret.
func Headers(secret string) Provider { return Provider{secret: secret} }

// GetHeaders is called by the SDK for each call, with that call's context.
func (p Provider) GetHeaders(ctx context.Context) (map[string]string, error) {
	if p.secret == "" {
		return nil, nil
	}
	h := map[string]string{Header: scheme + p.secret}
	if user := User(ctx); user != "" {
		h[UserHeader] = url.PathEscape(user)
	}
	return h, nil
}

// String keeps the secret out of whatever prints client options.
func (Provider) String() string { return "temporalauth.Provider" }

type userKey struct{}

// WithUser notes the authenticated person behind a context; Temporal's history then names them as the event's principal.
func WithUser(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, userKey{}, name)
}

// User is the person noted by WithUser, or "".
func User(ctx context.Context) string {
	name, _ := ctx.Value(userKey{}).(string)
	return name
}

// Accepts tells whether header is the one that Headers(secret) sends, in a time that says nothing about the secret.
func Accepts(secret, header string) bool {
	given, ok := strings.CutPrefix(header, scheme)
	if !ok || secret == "" {
		return false
	}
	want, got := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// DecodeUser reads what GetHeaders put into UserHeader.
func DecodeUser(header string) string {
	name, err := url.PathUnescape(header)
	if err != nil {
		return ""
	}
	return name
}

// LoadOrCreate reads the secret kept in path (0600), and makes one of 256 bits where there is none.
func LoadOrCreate(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(raw))
	if len(secret) < minSecret {
		return "", fmt.Errorf("%s holds no secret of at least %d characters: remove it, and a new one is made", path, minSecret)
	}
	return secret, nil
}

// New makes a secret of 256 bits.
func New() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	return hex.EncodeToString(random[:])
}

// create writes a temporary file first: a crash leaves no half secret.
func create(path string) (string, error) {
	secret := New()
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // the link below keeps the content under its real name
	_, err = f.WriteString(secret + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	switch err := os.Link(f.Name(), path); { // unlike a rename, a link doesn't replace what another process just made
	case errors.Is(err, os.ErrExist):
		return LoadOrCreate(path)
	case err != nil:
		return "", err
	}
	return secret, nil
}
