package render

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func TestTheProjectionSpeaksPeeringManagersWords(t *testing.T) {
	t.Parallel()
	edit := func(change func(d *peering.Desired, s *peering.Session)) peering.Desired {
		d := desired(t, "bird")
		s := d.Sessions[7]
		change(&d, &s)
		d.Sessions[7] = s
		return d
	}
	limit := func(n int64) bgp.PrefixLimit { l, _ := bgp.Limit(n); return l }
	direct := func(d *peering.Desired, s *peering.Session) {
		s.Kind, s.ConnectionID, s.GroupID, s.LocalAddress = peering.DirectSession, 0, 3, netip.MustParseAddr("192.0.2.1")
		d.Groups = map[int64]peering.BGPGroup{3: {Meta: peering.Meta{ID: 3}, Name: "Transit", Slug: "transit", RelationshipID: 2}}
		d.Relationships = map[int64]peering.Relationship{2: {Meta: peering.Meta{ID: 2}, Name: "Private peer", Slug: "private"}}
	}
	for name, c := range map[string]struct {
		d          peering.Desired
		body, want string
	}{
		"a session that is present is enabled": {edit(func(*peering.Desired, *peering.Session) {}), "{% for s in router | ixp_sessions %}{{ s.status }} {{ s.enabled }}{% endfor %}", "enabled True"},
		"one that is shut down is disabled, held by hand or not": {edit(func(_ *peering.Desired, s *peering.Session) { s.HeldByHand = true }),
			"{% for s in router | ixp_sessions %}{{ s.status }} {{ s.enabled }} {{ s.shutdown }}{% endfor %}", "disabled False True"},
		"one that drains is in maintenance": {edit(func(_ *peering.Desired, s *peering.Session) { s.Intent = peering.Draining }),
			"{% for s in router | ixp_sessions %}{{ s.status }} {{ s.draining }}{% endfor %}", "maintenance True"},
		"an exchange, its connection and their addresses": {edit(func(*peering.Desired, *peering.Session) {}),
			"{% for x in internet_exchange_points %}{{ x }} {{ x | local_ips(4) | join }} {{ (x | sessions | first).ixp_connection }} {{ x | sessions | first | local_ips }}{% endfor %}",
			"Example-IX 192.0.2.1/24 Example-IX on edge1 192.0.2.1/24"},
		"direct sessions have group, relationship and networks": {edit(direct),
			"{% for g in bgp_groups %}{% for s in g | sessions %}{{ s }} {{ s | ip }} {{ s | local_ips }} {{ s.bgp_group }} {{ s.relationship.slug }} {{ s.local_autonomous_system.asn }} {{ s.router }}{% endfor %}{% endfor %}",
			"Private peer - AS64501 - IP 192.0.2.11/32 192.0.2.11 192.0.2.1/32 Transit private 64496 edge1"},
		"a session may speak for another network of ours": {edit(func(d *peering.Desired, s *peering.Session) { direct(d, s); s.LocalAS = 64500 }),
			"{% for s in router | direct_sessions %}{{ s.local_autonomous_system.asn }} {{ s.local_asn }}{% endfor %}", "64500 64500"},
		"a peer that isn't recorded has its number": {edit(func(_ *peering.Desired, s *peering.Session) { s.PeerAS = 64999 }),
			"{% for s in sessions %}{{ s.autonomous_system }}|{{ s.autonomous_system.id }}{% endfor %}{{ autonomous_systems | length }}", "AS64999 - |None1"},
		"max_prefix is the session's effective limit": {edit(func(_ *peering.Desired, s *peering.Session) { s.Limits.IPv4 = limit(7) }),
			"{% for s in sessions %}{{ s | max_prefix }} {{ s.autonomous_system.ipv4_max_prefixes }} {{ s.autonomous_system.ipv6_max_prefixes }}{% endfor %}", "7 7 50"},
		"unlimited prints 0, as no limit does there": {edit(func(_ *peering.Desired, s *peering.Session) { s.Limits.IPv4 = bgp.Unlimited }),
			"{% for s in sessions %}{{ s | max_prefix }} {{ s.autonomous_system.ipv4_max_prefixes }}{% endfor %}", "0 0"},
		"policies are merged as Peering Manager merges them": {edit(func(*peering.Desired, *peering.Session) {}),
			"{% for s in sessions %}{{ s | merge_import_policies | iterate('slug') | join }} {{ s | iter_import_policies | length }}{% endfor %} {{ routing_policies | join(',') }}", "peers-in 0 peers-in,peers-out"},
		"a context is the config context": {edit(func(*peering.Desired, *peering.Session) {}),
			"{{ (policies | first).config_context.local_pref }} {{ policies | first | context_get_key('local_pref') }} {{ router.config_context }}", "100 100 None"},
		"a router's host is told without its port": {edit(func(d *peering.Desired, _ *peering.Session) { d.Router.Address = "[2001:db8::1]:22" }), "{{ router.hostname }} {{ router.bgp_port }}", "2001:db8::1 179"},
		"what BGP does isn't told":                 {edit(func(*peering.Desired, *peering.Session) {}), "{% for s in sessions %}{{ s.bgp_state }} {{ s.received_prefix_count }} {{ s.last_established_state }} {{ s.updated }}{% endfor %}", "None 0 None None"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.d.Template.Body = c.body
			text, err := run(t.Context(), c.d, plain)
			if err != nil || text != c.want {
				t.Errorf("%s\n got %q, %v\nwant %q", c.body, text, err, c.want)
			}
		})
	}
}

// everything prints all that a template can reach from a router.
const everything = `{{ router | as_json }}{{ local_as | as_json }}{% for list in [autonomous_systems, bgp_groups, internet_exchange_points, communities, routing_policies, sessions, policies] %}
{%- for o in list %}{{ o }}{{ o | as_json }}{% endfor %}{% endfor %}{{ internet_exchange_points.first().connection_set | as_json if internet_exchange_points }}
{%- for s in sessions %}{{ s.families }}{{ s.import_chain }}{{ s.name }}{{ s.afi }}{{ s | inherited_status }}{% endfor %}`

func TestNothingThatATemplateReachesFollowsSyncVersionOrTime(t *testing.T) {
	t.Parallel()
	text := func(d peering.Desired) string {
		d.Template.Body, d.Template.Lenient = everything, true
		out, err := run(t.Context(), d, plain)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := text(desired(t, "bird"))
	rapid.Check(t, func(r *rapid.T) {
		d := desired(t, "bird")
		touch := func(m *peering.Meta) {
			m.Version = rapid.Int64().Draw(r, "version")
			m.CreatedAt, m.UpdatedAt = time.Unix(rapid.Int64Range(0, 1<<32).Draw(r, "created"), 0), time.Unix(rapid.Int64Range(0, 1<<32).Draw(r, "updated"), 0)
		}
		s, x, p, c := d.Sessions[7], d.IXPs[1], d.Policies[1], d.Connections[1]
		for _, m := range []*peering.Meta{&s.Meta, &x.Meta, &p.Meta, &c.Meta, &d.Router.Meta, &d.Template.Meta} {
			touch(m)
		}
		s.Sync = rapid.SampledFrom([]peering.Sync{peering.InSync, peering.Drifted, peering.Reverted}).Draw(r, "sync")
		s.WatchUntil, s.HeldReason = s.UpdatedAt, rapid.String().Draw(r, "reason")
		d.Sessions[7], d.IXPs[1], d.Policies[1], d.Connections[1] = s, x, p, c
		if got := text(d); got != want {
			r.Fatalf("another text:\n%s\nwant\n%s", got, want)
		}
	})
}

// large is a router with n sessions at one exchange.
func large(t testing.TB, n int) peering.Desired {
	d := desired(t, "bird")
	d.Peerings = map[int64]peering.Peering{}
	s := d.Sessions[7]
	for i := range n {
		id := int64(100 + i)
		s.ID, s.PeeringID, s.PeerAS, s.Password = id, id, bgp.ASN(4200000000+i), peering.SecretRef{}
		s.PeerAddress = netip.AddrFrom4([4]byte{192, 0, byte(2 + i>>8), byte(i)})
		d.Sessions[id] = s
		d.Networks[id] = peering.AutonomousSystem{Meta: peering.Meta{ID: id}, ASN: s.PeerAS, Name: fmt.Sprint("Peer ", i), Context: json.RawMessage(`{"a": 1}`)}
		d.Peerings[id] = peering.Peering{Meta: peering.Meta{ID: id}, PeerASID: id}
	}
	return d
}

func TestATemplatePaysForWhatItUses(t *testing.T) { // alone: what others allocate would count
	d := large(t, 3000)
	d.Template.Body = "{{ router.name }}"
	small := testing.AllocsPerRun(2, func() {
		if _, err := run(t.Context(), d, plain); err != nil {
			t.Fatal(err)
		}
	})
	if per := small / 3000; per > 30 {
		t.Errorf("%.0f allocations for each session that the template never asks for", per)
	}
}

func BenchmarkRouter(b *testing.B) {
	for _, n := range []int{100, 2000, 5000} {
		for name, body := range map[string]string{"nothing": "{{ router.name }}", "peers": "{% for x in internet_exchange_points %}{% for s in x | sessions %}{{ s | ip }} {{ s.autonomous_system.asn }} {{ s | max_prefix }} {{ s | merge_import_policies | iterate('slug') | join(' ') }}\n{% endfor %}{% endfor %}"} {
			d := large(b, n)
			d.Template.Body = body
			b.Run(fmt.Sprintf("%d sessions/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := run(b.Context(), d, plain); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
