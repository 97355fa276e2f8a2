package cipher

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ciscoTable is the key of type 7, which IOS has always had built in.
const ciscoTable = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"

// ciscoSalts is how many places in the table a text may start at: 0 to 15, written in decimal.
const ciscoSalts = 16

func writeCisco(clear string, salt int) string {
	return fmt.Sprintf("%02d%s", salt, strings.ToUpper(hex.EncodeToString(xorCisco([]byte(clear), salt))))
}

func readCisco(text string) (string, error) {
	if len(text) < 4 {
		return "", unreadable(CiscoType7)
	}
	salt, err := strconv.Atoi(text[:2])
	if err != nil || salt < 0 || salt >= len(ciscoTable) {
		return "", unreadable(CiscoType7)
	}
	body, err := hex.DecodeString(text[2:])
	if err != nil {
		return "", unreadable(CiscoType7)
	}
	return string(xorCisco(body, salt)), nil
}

func xorCisco(text []byte, salt int) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		out[i] = b ^ ciscoTable[(salt+i)%len(ciscoTable)]
	}
	return out
}
