package bgp

import (
	"fmt"
	"net/netip"
)

// Family is an address family with SAFI unicast: IPv4 or IPv6 (RFC 4760). The
// zero value is no family.
type Family uint8

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families lists what peerflow configures, in the order it prints them.
var Families = []Family{IPv4, IPv6}

// FamilyOf is the family of an address; IPv4-mapped IPv6 counts as IPv4.
func FamilyOf(a netip.Addr) Family {
	if a.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// ParseFamily reads "ipv4" or "ipv6".
func ParseFamily(s string) (Family, error) {
	switch s {
	case "ipv4", "4":
		return IPv4, nil
	case "ipv6", "6":
		return IPv6, nil
	}
	return 0, fmt.Errorf("%q is no address family: ipv4 or ipv6", s)
}

func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	}
	return "no family"
}

// MarshalText writes ipv4 or ipv6.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads ipv4 or ipv6.
func (f *Family) UnmarshalText(b []byte) (err error) {
	*f, err = ParseFamily(string(b))
	return err
}
