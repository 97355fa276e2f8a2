package render

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"peerflow/internal/jinja"
)

type (
	// address is Python's IPv4Address or IPv6Address.
	address struct{ netip.Addr }
	// hosted is Python's IPv4Interface or IPv6Interface: an address with the length of its prefix.
	hosted struct{ netip.Prefix }
	// subnet is Python's IPv4Network or IPv6Network.
	subnet struct{ netip.Prefix }
)

// addressOf prints an address; None when there is none.
func addressOf(a netip.Addr) jinja.Value {
	if !a.IsValid() {
		return jinja.None
	}
	return address{a}
}

// hostedOf prints an address with a length; None when there is none.
func hostedOf(p netip.Prefix) jinja.Value {
	if !p.IsValid() {
		return jinja.None
	}
	return hosted{p}
}

func pythonFamily(a netip.Addr, kind string) string { return fmt.Sprintf("IPv%d%s", version(a), kind) }

func version(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

func (a address) TypeName() string { return pythonFamily(a.Addr, "Address") }
func (a address) Repr() string     { return a.TypeName() + "('" + a.String() + "')" }
func (a address) Key() any         { return a }
func (h hosted) TypeName() string  { return pythonFamily(h.Addr(), "Interface") }
func (h hosted) Repr() string      { return h.TypeName() + "('" + h.String() + "')" }
func (h hosted) Key() any          { return h }
func (n subnet) TypeName() string  { return pythonFamily(n.Addr(), "Network") }
func (n subnet) Repr() string      { return n.TypeName() + "('" + n.String() + "')" }
func (n subnet) Key() any          { return n }

// Compare orders addresses of one family, as Python does.
func (a address) Compare(other jinja.Value) (int, bool) {
	b, ok := other.(address)
	return a.Addr.Compare(b.Addr), ok && a.Is4() == b.Is4()
}

// Shift is the address n further on.
func (a address) Shift(n int64) (jinja.Value, bool) {
	sum := new(big.Int).SetBytes(a.AsSlice())
	sum.Add(sum, big.NewInt(n))
	if sum.Sign() < 0 || sum.BitLen() > a.BitLen() {
		return nil, false
	}
	moved, ok := netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
	return address{moved}, ok
}

// Compare orders by network, then by address.
func (h hosted) Compare(other jinja.Value) (int, bool) {
	b, ok := other.(hosted)
	if !ok || h.Addr().Is4() != b.Addr().Is4() {
		return 0, false
	}
	return compareInet(h.Prefix, b.Prefix), true
}

func (n subnet) Compare(other jinja.Value) (int, bool) {
	b, ok := other.(subnet)
	return comparePrefixes(n.Prefix, b.Prefix), ok && n.Addr().Is4() == b.Addr().Is4()
}

// compareInet orders addresses with their lengths as PostgreSQL does.
func compareInet(a, b netip.Prefix) int {
	if order := comparePrefixes(a.Masked(), b.Masked()); order != 0 {
		return order
	}
	return a.Addr().Compare(b.Addr())
}

func comparePrefixes(a, b netip.Prefix) int {
	if order := a.Addr().Compare(b.Addr()); order != 0 {
		return order
	}
	return a.Bits() - b.Bits()
}

var addressFields = fields[netip.Addr]{
	"version":         func(a netip.Addr) jinja.Value { return jinja.Int(version(a)) },
	"max_prefixlen":   func(a netip.Addr) jinja.Value { return jinja.Int(a.BitLen()) },
	"is_private":      func(a netip.Addr) jinja.Value { return jinja.Bool(isPrivate(a)) },
	"is_global":       func(a netip.Addr) jinja.Value { return jinja.Bool(!isPrivate(a) && !shared.Contains(a)) },
	"is_multicast":    func(a netip.Addr) jinja.Value { return jinja.Bool(a.IsMulticast()) },
	"is_unspecified":  func(a netip.Addr) jinja.Value { return jinja.Bool(a.IsUnspecified()) },
	"is_loopback":     func(a netip.Addr) jinja.Value { return jinja.Bool(a.IsLoopback()) },
	"is_link_local":   func(a netip.Addr) jinja.Value { return jinja.Bool(a.IsLinkLocalUnicast()) },
	"reverse_pointer": func(a netip.Addr) jinja.Value { return jinja.Str(reversePointer(a)) },
}

func (a address) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "compressed":
		return jinja.Str(a.String()), true
	case "exploded":
		return jinja.Str(a.StringExpanded()), true
	}
	return addressFields.of(a.Addr, name)
}

func (h hosted) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "ip":
		return address{h.Addr()}, true
	case "network":
		return subnet{h.Masked()}, true
	case "compressed", "with_prefixlen":
		return jinja.Str(h.String()), true
	case "exploded":
		return jinja.Str(fmt.Sprintf("%s/%d", h.Addr().StringExpanded(), h.Bits())), true
	}
	if mask, ok := maskAttr(h.Prefix, name); ok {
		return mask, true
	}
	return addressFields.of(h.Addr(), name)
}

func (n subnet) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "network_address":
		return address{n.Addr()}, true
	case "broadcast_address":
		return address{lastOf(n.Prefix)}, true
	case "prefixlen":
		return jinja.Int(n.Bits()), true
	case "num_addresses":
		count, err := jinja.FromJSON([]byte(new(big.Int).Lsh(big.NewInt(1), uint(n.Addr().BitLen()-n.Bits())).String()))
		return count, err == nil
	case "compressed", "with_prefixlen":
		return jinja.Str(n.String()), true
	case "exploded":
		return jinja.Str(fmt.Sprintf("%s/%d", n.Addr().StringExpanded(), n.Bits())), true
	}
	if mask, ok := maskAttr(n.Prefix, name); ok {
		return mask, true
	}
	return addressFields.of(n.Addr(), name)
}

// maskAttr gives what interfaces and networks say of their mask.
func maskAttr(p netip.Prefix, name string) (jinja.Value, bool) {
	mask, host := masks(p)
	switch name {
	case "netmask":
		return address{mask}, true
	case "hostmask":
		return address{host}, true
	case "with_netmask":
		return jinja.Str(p.Addr().String() + "/" + mask.String()), true
	case "with_hostmask":
		return jinja.Str(p.Addr().String() + "/" + host.String()), true
	}
	return nil, false
}

// Item serves address "in" network, and network[n].
func (n subnet) Item(key jinja.Value) (jinja.Value, bool) {
	switch key := key.(type) {
	case address:
		return key, n.Contains(key.Addr)
	case hosted:
		return key, n.Contains(key.Addr())
	case jinja.Int:
		at := n.Addr()
		for range max(0, min(int64(key), 1<<16)) {
			at = at.Next()
		}
		return address{at}, key >= 0 && n.Contains(at)
	}
	return nil, false
}

func masks(p netip.Prefix) (mask, host netip.Addr) {
	ones := make([]byte, p.Addr().BitLen()/8)
	zeros := make([]byte, len(ones))
	for i := range ones {
		kept := min(max(p.Bits()-8*i, 0), 8)
		ones[i] = ^byte(0xff >> kept)
		zeros[i] = ^ones[i]
	}
	mask, _ = netip.AddrFromSlice(ones)
	host, _ = netip.AddrFromSlice(zeros)
	return mask, host
}

func lastOf(p netip.Prefix) netip.Addr {
	_, host := masks(p)
	first, rest := p.Addr().AsSlice(), host.AsSlice()
	for i := range first {
		first[i] |= rest[i]
	}
	last, _ := netip.AddrFromSlice(first)
	return last
}

func reversePointer(a netip.Addr) string {
	var b strings.Builder
	if a.Is4() {
		octets := a.As4()
		fmt.Fprintf(&b, "%d.%d.%d.%d.in-addr.arpa", octets[3], octets[2], octets[1], octets[0])
		return b.String()
	}
	digits := hex.EncodeToString(a.AsSlice())
	for i := len(digits) - 1; i >= 0; i-- {
		b.WriteString(digits[i:i+1] + ".")
	}
	return b.String() + "ip6.arpa"
}

// shared is neither private nor global (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// special are the prefixes that Python calls private, besides those that netip does.
var special = func() (out []netip.Prefix) {
	for _, p := range strings.Fields("0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 192.0.0.0/29 192.0.0.170/31 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 " +
		"203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 ::/128 ::1/128 ::ffff:0:0/96 100::/64 2001::/23 2001:db8::/32 fe80::/10") {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}
