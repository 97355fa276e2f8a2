package db

import "context"

// Keeper seals secrets at rest with a key that the database never sees. The
// additional data binds a ciphertext to its place: moved elsewhere it doesn't open.
type Keeper interface {
	// Seal encrypts; keyID names the key for Open.
	Seal(ctx context.Context, plaintext, additional []byte) (keyID string, ciphertext []byte, err error)
	Open(ctx context.Context, keyID string, ciphertext, additional []byte) ([]byte, error)
}
