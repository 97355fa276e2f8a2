package cipher

import (
	"crypto/sha256"
	"strings"
)

const junosMark = "$9$"

// junosFamilies are the characters of a $9$ text. The first one is its salt; a
// salt of the first family is followed by three fillers, one of the last by none.
var junosFamilies = [...]string{"QzF3n6/9CAtpu0O", "B1IREhcSyrleKvMW8LXx", "7N-dVbwsY2g4oaJZGUDj", "iHkq.mPf5T"}

var junosAlphabet = strings.Join(junosFamilies[:], "")

// junosWeights are the values of the characters that stand for one byte, by the byte's place modulo 7.
var junosWeights = [...][]int{{1, 4, 32}, {1, 16, 32}, {1, 8, 32}, {1, 64}, {1, 32}, {1, 4, 16, 128}, {1, 32, 64}}

func junosFillers(salt byte) int {
	for i, family := range junosFamilies {
		if strings.IndexByte(family, salt) >= 0 {
			return len(junosFamilies) - 1 - i
		}
	}
	return -1
}

// writeJunos takes salt and fillers from the seed.
func writeJunos(clear string, seed [sha256.Size]byte) string {
	at := func(n int) byte { return junosAlphabet[n%len(junosAlphabet)] }
	salt := at(int(seed[0]))
	out := append([]byte(junosMark), salt)
	for i := range junosFillers(salt) {
		out = append(out, at(int(seed[1+i])))
	}
	previous := salt
	for i, b := range []byte(clear) {
		weights := junosWeights[i%len(junosWeights)]
		gaps := make([]int, len(weights))
		rest := int(b)
		for j := len(weights) - 1; j >= 0; j-- {
			gaps[j], rest = rest/weights[j], rest%weights[j]
		}
		for _, gap := range gaps {
			previous = at(gap + strings.IndexByte(junosAlphabet, previous) + 1)
			out = append(out, previous)
		}
	}
	return string(out)
}

func readJunos(text string) (string, error) {
	body, marked := strings.CutPrefix(text, junosMark)
	if !marked || body == "" || junosFillers(body[0]) < 0 || len(body) < 1+junosFillers(body[0]) {
		return "", unreadable(Junos9)
	}
	previous, rest := body[0], body[1+junosFillers(body[0]):]
	var clear []byte
	for rest != "" {
		weights := junosWeights[len(clear)%len(junosWeights)]
		if len(rest) < len(weights) {
			return "", unreadable(Junos9)
		}
		sum := 0
		for j, weight := range weights {
			place := strings.IndexByte(junosAlphabet, rest[j])
			if place < 0 {
				return "", unreadable(Junos9)
			}
			gap := (place-strings.IndexByte(junosAlphabet, previous)+len(junosAlphabet))%len(junosAlphabet) - 1
			sum += gap * weight
			previous = rest[j]
		}
		clear, rest = append(clear, byte(sum)), rest[len(weights):]
	}
	return string(clear), nil
}
