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

// addressed is what is an address, or has one.
type addressed interface{ at() netip.Addr }

func (a address) at() netip.Addr { return a.Addr }
func (h hosted) at() netip.Addr  { return h.Addr() }
func (n subnet) at() netip.Addr  { return n.Addr() }

// ofAddress are the fields that addresses, interfaces and networks have in common.
func ofAddress[T addressed]() fields[T] {
	return fields[T]{
		"version":         func(a T) jinja.Value { return jinja.Int(version(a.at())) },
		"max_prefixlen":   func(a T) jinja.Value { return jinja.Int(a.at().BitLen()) },
		"is_private":      func(a T) jinja.Value { return jinja.Bool(isPrivate(a.at())) },
		"is_global":       func(a T) jinja.Value { return jinja.Bool(!isPrivate(a.at()) && !shared.Contains(a.at())) },
		"is_multicast":    func(a T) jinja.Value { return jinja.Bool(a.at().IsMulticast()) },
		"is_unspecified":  func(a T) jinja.Value { return jinja.Bool(a.at().IsUnspecified()) },
		"is_loopback":     func(a T) jinja.Value { return jinja.Bool(a.at().IsLoopback()) },
		"is_link_local":   func(a T) jinja.Value { return jinja.Bool(a.at().IsLinkLocalUnicast()) },
		"reverse_pointer": func(a T) jinja.Value { return jinja.Str(reversePointer(a.at())) },
	}
}

// measured is an address with a length.
type measured interface {
	addressed
	prefix() netip.Prefix
}

func (h hosted) prefix() netip.Prefix { return h.Prefix }
func (n subnet) prefix() netip.Prefix { return n.Prefix }

// ofPrefix are the fields that interfaces and networks have in common.
func ofPrefix[T measured]() fields[T] {
	masked := func(text func(mask, host netip.Addr) netip.Addr) func(T) jinja.Value {
		return func(p T) jinja.Value { return jinja.Str(p.at().String() + "/" + text(masks(p.prefix())).String()) }
	}
	mask, host := func(m, _ netip.Addr) netip.Addr { return m }, func(_, h netip.Addr) netip.Addr { return h }
	return ofAddress[T]().with(fields[T]{
		"compressed":     func(p T) jinja.Value { return jinja.Str(p.prefix().String()) },
		"with_prefixlen": func(p T) jinja.Value { return jinja.Str(p.prefix().String()) },
		"exploded": func(p T) jinja.Value {
			return jinja.Str(fmt.Sprintf("%s/%d", p.at().StringExpanded(), p.prefix().Bits()))
		},
		"netmask":       func(p T) jinja.Value { return address{mask(masks(p.prefix()))} },
		"hostmask":      func(p T) jinja.Value { return address{host(masks(p.prefix()))} },
		"with_netmask":  masked(mask),
		"with_hostmask": masked(host),
	})
}

var addressFields = offering(ofAddress[address]().with(fields[address]{
	"compressed": func(a address) jinja.Value { return jinja.Str(a.String()) },
	"exploded":   func(a address) jinja.Value { return jinja.Str(a.StringExpanded()) },
}))

var hostedFields = offering(ofPrefix[hosted]().with(fields[hosted]{
	"ip":      func(h hosted) jinja.Value { return address{h.Addr()} },
	"network": func(h hosted) jinja.Value { return subnet{h.Masked()} },
}))

var subnetFields = offering(ofPrefix[subnet]().with(fields[subnet]{
	"network_address":   func(n subnet) jinja.Value { return address{n.Addr()} },
	"broadcast_address": func(n subnet) jinja.Value { return address{lastOf(n.Prefix)} },
	"prefixlen":         func(n subnet) jinja.Value { return jinja.Int(n.Bits()) },
	"num_addresses": func(n subnet) jinja.Value {
		count, _ := jinja.FromJSON([]byte(new(big.Int).Lsh(big.NewInt(1), uint(n.Addr().BitLen()-n.Bits())).String())) // never fails
		return count
	},
}))

func (a address) Attr(name string) (jinja.Value, bool) { return addressFields.of(a, name) }
func (h hosted) Attr(name string) (jinja.Value, bool)  { return hostedFields.of(h, name) }
func (n subnet) Attr(name string) (jinja.Value, bool)  { return subnetFields.of(n, name) }

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
