package render

import (
	"net/netip"
	"strings"

	"peerflow/internal/jinja"
)

// parsedAddress reads an address of one family, with or without a length; None when it is none.
func parsedAddress(family int) jinja.Filter {
	return func(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
		if err := none("ipv4 and ipv6", a); err != nil {
			return nil, err
		}
		found, ok := readAddress(in)
		switch v := found.(type) {
		case address:
			ok = ok && version(v.Addr) == family
		case hosted:
			ok = ok && version(v.Addr()) == family
		}
		if !ok {
			return jinja.None, nil
		}
		return found, nil
	}
}

// readAddress takes an address, or text that is one.
func readAddress(v jinja.Value) (jinja.Value, bool) {
	switch v := v.(type) {
	case address, hosted:
		return v, true
	case jinja.Str:
		if a, err := netip.ParseAddr(string(v)); err == nil && a.Zone() == "" {
			return address{a}, true
		}
		if p, err := netip.ParsePrefix(string(v)); err == nil {
			return hosted{p}, true
		}
	}
	return nil, false
}

// filterIP is an address as text and without its length: of a session, of text, or of each in a list.
func filterIP(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("ip", a); err != nil {
		return nil, err
	}
	return ipOf(s, in)
}

func ipOf(s *jinja.State, in jinja.Value) (jinja.Value, error) {
	switch v := in.(type) {
	case *Session:
		return jinja.Str(v.Address.Addr().String()), nil
	case *jinja.List:
		out := jinja.NewList()
		for _, item := range v.Items {
			if _, nested := item.(*jinja.List); nested {
				return nil, jinja.Errorf(jinja.TypeErr, "ip takes a list of sessions or addresses, not of lists")
			}
			ip, err := ipOf(s, item)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, ip)
		}
		return out, nil
	}
	switch found, _ := readAddress(in); v := found.(type) {
	case address:
		return jinja.Str(v.String()), nil
	case hosted:
		return jinja.Str(v.Addr().String()), nil
	}
	text, err := textOf(s, in, "ip takes a session or an address")
	if err != nil {
		return nil, err
	}
	return nil, jinja.Errorf(jinja.ValueErr, "'%.60s' does not appear to be an IPv4 or IPv6 address", text)
}

// sessionOnly refuses what is no session.
func sessionOnly(s *jinja.State, filter string, in jinja.Value, a jinja.Args) (*Session, error) {
	if err := none(filter, a); err != nil {
		return nil, err
	}
	session, ok := in.(*Session)
	if !ok {
		return nil, invalidInput(s, in, "%s: value is not a bgp session: it is %s", filter, name(in))
	}
	return session, nil
}

func filterIPVersion(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	session, err := sessionOnly(s, "ip_version", in, a)
	if err != nil {
		return nil, err
	}
	return jinja.Int(session.family()), nil
}

// filterMaxPrefix is the session's effective limit in the family of its address. Peering Manager has its network's only.
func filterMaxPrefix(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	session, err := sessionOnly(s, "max_prefix", in, a)
	if err != nil {
		return nil, err
	}
	if session.Ours != nil {
		return jinja.Int(session.Ours.Limit(session.family())), nil
	}
	return session.AS.maxPrefixes(session.family()), nil
}

// filterMAC prints a MAC address as UNIX does, as Cisco does, or bare.
func filterMAC(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	format, err := textArgs(s, a, "mac", "format?")
	if err != nil {
		return nil, err
	}
	if row, ok := in.(*Connection); ok {
		in = macOf(row.MAC)
	}
	m, ok := in.(mac)
	if text, isText := in.(jinja.Str); isText {
		m, ok = parseMAC(string(text))
	}
	if !ok {
		return nil, invalidInput(s, in, "value is not a valid mac address")
	}
	switch format[0] {
	case "cisco":
		return jinja.Str(m.cisco()), nil
	case "bare":
		return jinja.Str(m.bare()), nil
	}
	return jinja.Str(strings.ToLower(m.String())), nil
}

// filterLocalIPs are our addresses: of a session, or of an exchange's connections. A group has none.
func filterLocalIPs(_ *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("local_ips", "family?")
	if err != nil {
		return nil, err
	}
	switch v := in.(type) {
	case *Session:
		switch {
		case v.Direct:
			return hostedOf(v.LocalAddress), nil
		case v.Connection == nil:
			return jinja.None, nil
		}
		return hostedOf(v.Connection.address(v.family())), nil
	case *InternetExchange:
		return exchangeIPs(v, numberOr(bound[0], 0)), nil
	}
	return jinja.None, nil
}

func exchangeIPs(x *InternetExchange, family int) *jinja.List {
	ips := jinja.NewList()
	for _, c := range x.connections {
		if c.IPv4.IsValid() && family != 6 {
			ips.Items = append(ips.Items, hosted{c.IPv4})
		}
		if c.IPv6.IsValid() && family != 4 {
			ips.Items = append(ips.Items, hosted{c.IPv6})
		}
	}
	return ips
}
