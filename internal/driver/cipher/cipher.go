// Package cipher writes BGP passwords the way router configurations hold them:
// Cisco's type 7, Junos's $9$ and Arista's type 7. None of them keeps a secret
// from anyone who reads the configuration; they only keep it from a glance.
//
// It is the last step of a driver: a template prints a placeholder that names a
// cipher, and the driver writes the text for it here. Start with Resolve. The
// package knows nothing of stored secrets and logs nothing.
package cipher

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// What a platform may read: clear text, or a cipher that placeholders name.
const (
	Clear       = ""
	CiscoType7  = peering.CiscoType7
	Junos9      = peering.Junos9
	AristaType7 = peering.AristaType7
)

// Resolve is Write for a stored secret.
func Resolve(ctx context.Context, secrets driver.Secrets, ref peering.SecretRef, running string, allowed ...string) (string, error) {
	clear, err := secrets.Resolve(ctx, peering.SecretRef{ID: ref.ID, Version: ref.Version}) // one secret, however it is written
	if err != nil {
		return "", fmt.Errorf("resolve secret %d version %d: %w", ref.ID, ref.Version, err)
	}
	return Write(ref, clear, running, allowed...)
}

// Write gives the text that stands for a secret in a configuration, without the
// "7 " that some platforms write before it. running is what the router has in
// that place now, "" when nothing: it is kept when it means the same secret,
// since the salts of these ciphers differ and an equal secret must never look
// like a change. The same reference and secret give the same text otherwise.
//
// allowed are the ciphers that the platform reads. Errors
// are invalid, and never hold the secret.
func Write(ref peering.SecretRef, clear, running string, allowed ...string) (string, error) {
	name, arg, _ := strings.Cut(ref.Cipher, ":")
	if !slices.Contains(allowed, name) {
		return "", peering.Errorf(peering.Invalid, "secret %d version %d: this platform doesn't read %s, but %s", ref.ID, ref.Version, orClear(name), readable(allowed))
	}
	if clear == "" {
		return "", peering.Errorf(peering.Invalid, "secret %d version %d is empty", ref.ID, ref.Version)
	}
	if kept, err := Read(ref.Cipher, running); err == nil && kept == clear {
		return strings.TrimPrefix(running, "7 "), nil
	}
	seed := sha256.Sum256([]byte(ref.String()))
	switch name {
	case Clear:
		return clear, nil
	case CiscoType7:
		return writeCisco(clear, int(seed[0])%ciscoSalts), nil
	case Junos9:
		return writeJunos(clear, seed), nil
	case AristaType7:
		return writeArista(clear, arg)
	}
	return "", peering.Errorf(peering.Invalid, "secret %d version %d: no cipher is named %q", ref.ID, ref.Version, name)
}

// Read is the way back. A text that the cipher can't have written is invalid.
func Read(cipher, text string) (string, error) {
	name, arg, _ := strings.Cut(cipher, ":")
	switch name {
	case Clear:
		return text, nil
	case CiscoType7:
		return readCisco(strings.TrimPrefix(text, "7 "))
	case Junos9:
		return readJunos(text)
	case AristaType7:
		return readArista(strings.TrimPrefix(text, "7 "), arg)
	}
	return "", peering.Errorf(peering.Invalid, "no cipher is named %q", name)
}

func unreadable(cipher string) error {
	return peering.Errorf(peering.Invalid, "the text is not %s", cipher) // the text itself may be a secret in clear
}

func orClear(name string) string {
	if name == Clear {
		return "clear text"
	}
	return name
}

func readable(allowed []string) string {
	words := make([]string, len(allowed))
	for i, name := range allowed {
		words[i] = orClear(name)
	}
	return strings.Join(words, ", ")
}
