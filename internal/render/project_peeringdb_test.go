package render

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// theirASN is a number that nobody has: those of documentation are private to Peering Manager, which looks none of them up.
const theirASN = 4199999901

// mirrored is the small router with what PeeringDB has of its peer, its exchange and itself.
func mirrored(t *testing.T) peering.Desired {
	d := desired(t, "bird")
	peer, x, s := d.Networks[2], d.IXPs[1], d.Sessions[7]
	peer.ASN, s.PeerAS, x.IXLANID, x.LocalASID = theirASN, theirASN, 26, 1
	d.Networks[1], d.Networks[2], d.IXPs[1], d.Sessions[7] = d.LocalAS, peer, x, s
	d.Router.LocalASID = 1
	addr := netip.MustParseAddr
	head := func(id int64) peering.PDBHead { return peering.PDBHead{ID: id, Updated: time.Unix(id, 0)} }
	d.PeeringDB = peering.PDBObjects{
		Organizations: []peering.PDBOrganization{{PDBHead: head(1), Name: "Owner"}},
		Networks: []peering.PDBNetwork{
			{PDBHead: head(10), OrgID: 1, ASN: theirASN, Notes: "ask first", Name: "Cloud", InfoPrefixes4: 2000, InfoType: "Content", PolicyGeneral: "Open"},
			{PDBHead: head(11), ASN: 64496, Name: "Us"},
			{PDBHead: head(12), ASN: 64502, Name: "Third"},
		},
		Facilities: []peering.PDBFacility{{PDBHead: head(51), Name: "House"}, {PDBHead: head(52), Name: "Other house"}, {PDBHead: head(53), Name: "Third"}},
		NetworkFacilities: []peering.PDBNetworkFacility{
			{PDBHead: head(1), NetID: 10, FacilityID: 52}, {PDBHead: head(2), NetID: 10, FacilityID: 51}, {PDBHead: head(3), NetID: 10, FacilityID: 51, LocalASN: 64510},
			{PDBHead: head(4), NetID: 12, FacilityID: 51}, {PDBHead: head(5), NetID: 12, FacilityID: 52}, {PDBHead: head(6), NetID: 12, FacilityID: 53},
			{PDBHead: head(7), NetID: 10, FacilityID: 99}, // the facility is gone
			{PDBHead: head(8), NetID: 99, FacilityID: 51},
		},
		Contacts: []peering.PDBContact{
			{PDBHead: head(1), NetID: 10, Role: "NOC", Visible: "Public", Name: "Desk", Email: "noc@cloud.example"},
			{PDBHead: head(2), NetID: 10, Role: "Sales", Visible: "Users", Name: "Sales"},
			{PDBHead: head(3), NetID: 99, Role: "NOC"},
		},
		Exchanges: []peering.PDBExchange{{PDBHead: head(26), Name: "Example-IX"}, {PDBHead: head(27), Name: "Other-IX"}},
		LANs:      []peering.PDBLAN{{PDBHead: head(26), IXID: 26, MTU: 9000}, {PDBHead: head(27), IXID: 27}},
		Prefixes:  []peering.PDBPrefix{{PDBHead: head(1), LANID: 26, Prefix: netip.MustParsePrefix("192.0.2.0/24")}, {PDBHead: head(2), LANID: 26, Prefix: netip.MustParsePrefix("2001:db8::/64")}},
		Ports: []peering.PDBPort{
			{PDBHead: head(100), NetID: 11, LANID: 26, ASN: 64496, IPv4: addr("192.0.2.1"), Speed: 100000},
			{PDBHead: head(101), NetID: 12, LANID: 26, ASN: 64502, IPv4: addr("192.0.2.12")},
			{PDBHead: head(102), NetID: 10, LANID: 26, ASN: theirASN, IPv4: addr("192.0.2.11"), Operational: true, NetSideID: 51, IXSideID: 52},
			{PDBHead: head(103), NetID: 10, LANID: 26, ASN: theirASN, IPv4: addr("192.0.2.13"), NetSideID: 51, IXSideID: 51},
			{PDBHead: head(104), NetID: 10, LANID: 27, ASN: theirASN, IPv4: addr("203.0.113.1"), NetSideID: 51, IXSideID: 99},
			{PDBHead: head(105), NetID: 10, LANID: 99, ASN: theirASN, IPv4: addr("203.0.113.2")}, // its LAN is gone
			{PDBHead: head(106), NetID: 99, LANID: 26, ASN: 64503, IPv4: addr("192.0.2.14")},     // its network is gone
		},
	}
	return d
}

func TestTemplatesSeeWhatIsMirrored(t *testing.T) {
	t.Parallel()
	const peer = "{% set peer = autonomous_systems[0] %}{% set x = internet_exchange_points[0] %}"
	edit := func(change func(*peering.Desired)) func(*testing.T) peering.Desired {
		return func(t *testing.T) peering.Desired {
			d := mirrored(t)
			change(&d)
			return d
		}
	}
	noLAN := func(d *peering.Desired) {
		x := d.IXPs[1]
		x.IXLANID = 0
		d.IXPs[1] = x
	}
	for name, c := range map[string]struct {
		d          func(*testing.T) peering.Desired
		body, want string
	}{
		"a network, its owner and what it says of itself": {mirrored,
			"{% with n = peer.peeringdb_network %}{{ n }} {{ n.org }} {{ n.info_prefixes4 }} {{ n.info_prefixes6 }} {{ n.info_types }} {{ n.updated }}{% endwith %} {{ peer.general_policy }}",
			"AS4199999901 - Cloud Owner 2000 None ['Content'] None Open"},
		"numbers for documentation aren't looked up": {mirrored, "{{ local_as.peeringdb_network }}", "None"},
		"ports have their network and LAN, in the order of ids; those without one of them are left out": {mirrored,
			"{{ peer.peeringdb_network.netixlan_set | iterate('id') | join(' ') }}|{{ x.peeringdb_ixlan.netixlan_set | join(', ') }}",
			"102 103 104|AS64496 - Us on Example-IX, AS64502 - Third on Example-IX, AS4199999901 - Cloud on Example-IX, AS4199999901 - Cloud on Example-IX"},
		"an exchange, its LAN and prefixes": {mirrored,
			"{{ x.linked_to_peeringdb }} {{ x.peeringdb_ixlan.mtu }} {{ x.peeringdb_ixlan.ix.name }} {{ x.peeringdb_prefixes }} {{ x | prefix_list(4) }} {{ x.peeringdb_ixlan_id }}",
			"True 9000 Example-IX {'ipv4': ['192.0.2.0/24'], 'ipv6': ['2001:db8::/64']} ['192.0.2.0/24'] 26"},
		"an address has the length of its LAN's prefix": {mirrored, "{{ (peer.peeringdb_network.netixlan_set | first).cidr4 }}", "192.0.2.11/24"},
		"a session's address is known, or not": {edit(func(d *peering.Desired) {
			s := d.Sessions[7]
			s.ID, s.PeerAddress = 8, netip.MustParseAddr("192.0.2.99")
			d.Sessions[8] = s
		}), "{% for s in sessions %}{{ s.exists_in_peeringdb }} {% endfor %}", "True False "},
		"what we have no session with":                          {mirrored, "{% for p in peer | missing_sessions(local_as, x) %}{{ p.ipaddr4 | ip }}{% endfor %}", "192.0.2.13"},
		"a connection is the port with its address":             {mirrored, "{% for c in x.connection_set.all() %}{{ c.linked_to_peeringdb }} {{ c.peeringdb_netixlan.speed }}{% endfor %}", "True 100000"},
		"an exchange without a LAN has that of its connections": {edit(noLAN), "{{ x.peeringdb_ixlan_id }} {{ x.peeringdb_prefixes.ipv4 }}", "26 ['192.0.2.0/24']"},
		"a connection at another LAN than its exchange's isn't linked": {edit(func(d *peering.Desired) {
			x := d.IXPs[1]
			x.IXLANID = 27
			d.IXPs[1] = x
		}), "{{ x.peeringdb_ixlan_id }}{% for c in x.connection_set.all() %} {{ c.linked_to_peeringdb }}{% endfor %}", "27 False"},
		"another network's port at our address isn't ours": {edit(func(d *peering.Desired) { d.PeeringDB.Ports[0].NetID = 12 }), "{% for c in x.connection_set.all() %}{{ c.linked_to_peeringdb }}{% endfor %}", "False"},
		"the newest counts where two claim a number": {edit(func(d *peering.Desired) {
			older := d.PeeringDB.Networks[0]
			older.ID, older.Name, older.Updated = 13, "Older", time.Unix(1, 0)
			d.PeeringDB.Networks = append(d.PeeringDB.Networks, older)
		}), "{{ peer.peeringdb_network.name }}", "Cloud"},
		"facilities, where a network may be twice": {mirrored, "{{ peer.peeringdb_network | shared_facilities(x.peeringdb_ixlan.netixlan_set[1].net) | join(', ') }}", "House, Other house"},
		"contacts, of a network that is there":     {mirrored, "{{ peer.peeringdb_contacts | join(', ') }} {{ peer.can_receive_email }}", "Desk <noc@cloud.example>, Sales True"},
		"where a port's ends stand, and notes": {mirrored,
			"{% for p in peer.peeringdb_network.netixlan_set.all() %}{{ p.net_side }}/{{ p.ix_side }}/{{ p.is_remote_peer }} {% endfor %}{{ peer.peeringdb_network.notes }}",
			"House/Other house/True House/House/False House/None/None ask first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.d(t)
			d.Template.Body = peer + c.body
			text, err := run(t.Context(), d, plain)
			if err != nil || text != c.want {
				t.Errorf("%s\n got %q, %v\nwant %q", c.body, text, err, c.want)
			}
		})
	}
}

func TestWhatWasLeftOutIsRefusedAndNeverEmpty(t *testing.T) {
	t.Parallel()
	d := mirrored(t)
	d.PeeringDB, d.Unneeded = peering.PDBObjects{}, peering.AllNeeds
	for _, body := range []string{"{{ autonomous_systems[0].peeringdb_network }}", "{{ autonomous_systems[0] | prefix_list }}", "{{ sessions[0].autonomous_system.as_list }}"} {
		d.Template.Body, d.Template.Lenient = "as recorded\n"+body, true
		if text, err := Router(t.Context(), d); peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %q, %v; want a refusal that names the line", body, text, err)
		}
	}
	d.Template.Body = "{{ router.name }}"
	if text, err := Router(t.Context(), d); err != nil || text != "edge1" {
		t.Errorf("a template that asks for none of it: %q, %v", text, err)
	}
}
