package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// A sealed secret is: form (1 byte), the data key sealed with the file's key
// (nonce, key, tag), the plaintext sealed with the data key (nonce, text, tag).
// Both seals are AES-256-GCM and bound to the additional data.

const (
	form       = 1
	nonceSize  = 12
	tagSize    = 16
	dataKeyEnd = 1 + nonceSize + keyLength + tagSize
)

var errDamaged = errors.New("not a sealed secret")

func seal(key, plaintext, additional []byte) ([]byte, error) {
	dataKey := make([]byte, keyLength)
	if _, err := rand.Read(dataKey); err != nil {
		return nil, err
	}
	out, err := appendSealed([]byte{form}, key, dataKey, additional)
	if err != nil {
		return nil, err
	}
	return appendSealed(out, dataKey, plaintext, additional)
}

func open(key, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < dataKeyEnd+nonceSize+tagSize || sealed[0] != form {
		return nil, errDamaged
	}
	dataKey, err := opened(key, sealed[1:dataKeyEnd], additional)
	if err != nil {
		return nil, err
	}
	return opened(dataKey, sealed[dataKeyEnd:], additional)
}

func appendSealed(out, key, plaintext, additional []byte) ([]byte, error) {
	gcm, err := gcmOf(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return gcm.Seal(append(out, nonce...), nonce, plaintext, additional), nil
}

func opened(key, sealed, additional []byte) ([]byte, error) {
	gcm, err := gcmOf(key)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, sealed[:nonceSize], sealed[nonceSize:], additional)
}

func gcmOf(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
