package render

import (
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// setIRR gives a network the lists that are recorded for it. They are read when a template first asks for them.
func (a *AutonomousSystem) setIRR(lists peering.IRRLists) {
	v4, has4 := lists[peering.IRRPrefixes4]
	v6, has6 := lists[peering.IRRPrefixes6]
	if has4 || has6 {
		a.Prefixes = Data{made: func() jinja.Value {
			both := jinja.NewDict(2)
			both.SetStr("ipv4", prefixRows(v4))
			both.SetStr("ipv6", prefixRows(v6))
			return both
		}}
	}
	for _, asn := range lists[peering.IRRNumbers].Numbers() {
		a.ASList = append(a.ASList, int64(asn))
	}
}

// The keys of an entry, as bgpq3 and bgpq4 write them.
var (
	keyPrefix       jinja.Value = jinja.Str("prefix")
	keyExact        jinja.Value = jinja.Str("exact")
	keyGreaterEqual jinja.Value = jinja.Str("greater-equal")
	keyLessEqual    jinja.Value = jinja.Str("less-equal")
)

// prefixRows are a list's entries as Peering Manager has them: bgpq's JSON, with keys in the order that its database keeps.
func prefixRows(l peering.IRRList) *jinja.List {
	rows := make([]jinja.Value, 0, l.Count)
	for prefix, lengths := range peering.PrefixList(l.Entries).All {
		row := jinja.NewDict(2)
		row.Set(keyExact, jinja.Bool(lengths == peering.Lengths{}))
		row.Set(keyPrefix, jinja.Str(prefix))
		if n := lengths.LessEqual; n != 0 {
			row.Set(keyLessEqual, jinja.Int(n))
		}
		if n := lengths.GreaterEqual; n != 0 {
			row.Set(keyGreaterEqual, jinja.Int(n))
		}
		rows = append(rows, row)
	}
	return jinja.NewList(rows...)
}
