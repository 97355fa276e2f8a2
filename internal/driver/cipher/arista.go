package cipher

import (
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the platform's own format; it hides a password from a glance and from nobody else
	"encoding/base64"
	"net/netip"

	"peerflow/internal/peering"
)

// aristaSeed is what the key's name is folded into.
var aristaSeed = [des.BlockSize]byte{0xd5, 0xa8, 0xc9, 0x1e, 0xf5, 0xd5, 0x8a, 0x23}

// aristaHead opens the text that is enciphered; the fourth byte says how it was padded.
var aristaHead = [...]byte{0x4c, 0x88, 0xbb}

const aristaPadMark = 0x0e

func writeArista(clear, neighbor string) (string, error) {
	block, err := aristaBlock(neighbor)
	if err != nil {
		return "", err
	}
	pad := (des.BlockSize - (len(aristaHead)+1+len(clear))%des.BlockSize) % des.BlockSize
	text := append(aristaHead[:len(aristaHead):len(aristaHead)], byte(pad<<4|aristaPadMark))
	text = append(append(text, clear...), make([]byte, pad)...)
	cipher.NewCBCEncrypter(block, make([]byte, des.BlockSize)).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text), nil
}

func readArista(text, neighbor string) (string, error) {
	block, err := aristaBlock(neighbor)
	if err != nil {
		return "", err
	}
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(body) == 0 || len(body)%des.BlockSize != 0 {
		return "", unreadable(AristaType7)
	}
	cipher.NewCBCDecrypter(block, make([]byte, des.BlockSize)).CryptBlocks(body, body)
	pad := int(body[len(aristaHead)] >> 4)
	if [len(aristaHead)]byte(body) != aristaHead || body[len(aristaHead)]&0xf != aristaPadMark || pad > len(body)-len(aristaHead)-1 {
		return "", unreadable(AristaType7)
	}
	return string(body[len(aristaHead)+1 : len(body)-pad]), nil
}

// aristaBlock makes the key from the neighbor's address: EOS reads a password
// under the neighbor that it was written for, and under no other.
func aristaBlock(neighbor string) (cipher.Block, error) {
	addr, err := netip.ParseAddr(neighbor)
	if err != nil {
		return nil, peering.Errorf(peering.Invalid, "%s needs the neighbor's address, as in %s:192.0.2.1; it has %q", AristaType7, AristaType7, neighbor)
	}
	key := aristaSeed
	for i, b := range []byte(addr.String() + "_passwd") {
		key[i%len(key)] ^= b
	}
	for i := range key {
		key[i] &= 0x7f // EOS drops the highest bit; the lowest is DES's parity and counts for nothing
	}
	return des.NewCipher(key[:])
}
