package render

import (
	"fmt"

	"peerflow/internal/peering"
)

// contexts is about data that people gave to records for templates, and that this one never reads.
func (c *checker) contexts(d peering.Desired, t trial) {
	unread := map[string][]string{}
	var kinds []string
	look := func(kind, name string, r *Record) {
		if len(r.LocalContext.raw) == 0 || r.LocalContext.value != nil || r.LocalContext.object() == nil {
			return
		}
		if unread[kind] == nil {
			kinds = append(kinds, kind)
		}
		unread[kind] = append(unread[kind], name)
	}
	look("router", t.router.Name, &t.router.Record)
	if t.router.Local != nil {
		look("autonomous system", fmt.Sprintf("AS%d", t.router.Local.ASN), &t.router.Local.Record)
	}
	for _, s := range t.network.Sessions {
		look("session", fmt.Sprint(s.ID), &s.Record)
		look("autonomous system", fmt.Sprintf("AS%d", s.AS.ASN), &s.AS.Record)
	}
	for _, g := range t.network.Groups {
		look("BGP group", g.Slug, &g.Record)
	}
	for _, x := range t.network.Exchanges {
		look("exchange", x.Slug, &x.Record)
	}
	for _, p := range usedPolicies(d, t.network).Items() {
		look("routing policy", p.(*RoutingPolicy).Slug, p.(object).record())
	}
	for _, kind := range kinds {
		c.note("unused-context", 0, fmt.Sprintf("the context of %s %s is given and never read by this template", kind, peering.Some(unread[kind], 3, ", ")),
			"read it, by \"| context_get_key('…')\" for example, or take it off the record")
	}
}
