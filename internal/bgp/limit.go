package bgp

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// PrefixLimit is the most prefixes accepted in one address family before the
// session is closed (Cease subcode 1, RFC 4486 §3): inherit, a count of at
// least 1, or unlimited. The zero value inherits; a count of 0 is refused,
// because vendors read it as anything from "none" to "no limit".
type PrefixLimit struct {
	n int64 // 0 inherit, -1 unlimited, else the count
}

const maxPrefixLimit = 4_294_967_295

// Unlimited is the explicit absence of a limit.
var Unlimited = PrefixLimit{n: -1}

// Limit is a limit of n prefixes, 1 to 4294967295.
func Limit(n int64) (PrefixLimit, error) {
	if n < 1 || n > maxPrefixLimit {
		return PrefixLimit{}, fmt.Errorf("prefix limit %d: give 1 to %d, \"unlimited\", or nothing to inherit", n, maxPrefixLimit)
	}
	return PrefixLimit{n: n}, nil
}

// Inherits reports that the value comes from elsewhere.
func (l PrefixLimit) Inherits() bool { return l.n == 0 }

// Count gives the number, and false for inherit and unlimited.
func (l PrefixLimit) Count() (int64, bool) { return l.n, l.n > 0 }

func (l PrefixLimit) String() string {
	switch {
	case l.n == 0:
		return "inherit"
	case l.n < 0:
		return "unlimited"
	}
	return strconv.FormatInt(l.n, 10)
}

// MarshalJSON writes null, "unlimited" or the count.
func (l PrefixLimit) MarshalJSON() ([]byte, error) {
	switch {
	case l.n == 0:
		return []byte("null"), nil
	case l.n < 0:
		return []byte(`"unlimited"`), nil
	}
	return strconv.AppendInt(nil, l.n, 10), nil
}

// UnmarshalJSON reads null, "unlimited" or a count of at least 1.
func (l *PrefixLimit) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null", `"inherit"`:
		*l = PrefixLimit{}
		return nil
	case `"unlimited"`:
		*l = Unlimited
		return nil
	}
	var n int64
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("prefix limit %s: give a number, \"unlimited\", or null to inherit", b)
	}
	var err error
	*l, err = Limit(n)
	return err
}
