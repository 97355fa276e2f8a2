package bgp

import (
	"fmt"
	"strconv"
	"strings"
)

// ASN is a four-octet AS number (RFC 6793). 0 is never a network's (RFC 7607)
// and stands for "not set".
type ASN uint32

const (
	ASTrans     ASN = 23456      // AS_TRANS, RFC 6793 §9
	last2Octet  ASN = 65535      // reserved, RFC 7300
	last4Octet  ASN = 4294967295 // reserved, RFC 7300
	firstPriv16 ASN = 64512      // private use, RFC 6996
	lastPriv16  ASN = 65534
	firstPriv32 ASN = 4200000000
	lastPriv32  ASN = 4294967294
	firstDoc16  ASN = 64496 // documentation, RFC 5398
	lastDoc16   ASN = 64511
	firstDoc32  ASN = 65536
	lastDoc32   ASN = 65551
)

// ParseASN reads "64501", "AS64501" or asdot "1.10" (RFC 5396).
func ParseASN(s string) (ASN, error) {
	text := strings.TrimSpace(s)
	if len(text) > 2 && strings.EqualFold(text[:2], "as") {
		text = text[2:]
	}
	if high, low, ok := strings.Cut(text, "."); ok {
		return parseASDot(s, high, low)
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no AS number: write it as AS64501 or 64501", s)
	}
	return checkASN(ASN(n))
}

func parseASDot(s, high, low string) (ASN, error) {
	h, errH := strconv.ParseUint(high, 10, 16)
	l, errL := strconv.ParseUint(low, 10, 16)
	if errH != nil || errL != nil {
		return 0, fmt.Errorf("%q is no AS number: both parts of asdot are 0 to 65535 (RFC 5396)", s)
	}
	return checkASN(ASN(h<<16 | l))
}

func checkASN(a ASN) (ASN, error) {
	if a == 0 {
		return 0, fmt.Errorf("AS0 is refused: it is never a network's number (RFC 7607)")
	}
	return a, nil
}

// String prints AS64501.
func (a ASN) String() string { return "AS" + strconv.FormatUint(uint64(a), 10) }

// Unusable reports numbers that are never a network's: 0 (RFC 7607), AS_TRANS
// (RFC 6793), and the last ones of two and of four octets (RFC 7300).
func (a ASN) Unusable() bool {
	return a == 0 || a == ASTrans || a == last2Octet || a == last4Octet
}

// Private reports numbers of RFC 6996.
func (a ASN) Private() bool {
	return a >= firstPriv16 && a <= lastPriv16 || a >= firstPriv32 && a <= lastPriv32
}

// Documentation reports numbers of RFC 5398.
func (a ASN) Documentation() bool {
	return a >= firstDoc16 && a <= lastDoc16 || a >= firstDoc32 && a <= lastDoc32
}
