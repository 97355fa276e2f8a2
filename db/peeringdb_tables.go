package db

import (
	"slices"
	"time"

	"peerflow/internal/peering"
)

const (
	// A run that failed is taken up again for a little less than the hour in which
	// PeeringDB refuses to send the same large answer twice; an hourly schedule then
	// always begins a new one.
	pdbResumeWithin = 55 * time.Minute

	pdbAskAgain = time.Second // whether the sync before has ended

	// A full answer may lack this many known rows, and beyond that this share of
	// those held, before it is taken for a damaged one. All of PeeringDB's ports see
	// less than a hundred changes on a day.
	pdbVanishRows  = 100
	pdbVanishShare = 10 // percent
)

// pdbTable is how one object type is stored. Another type joins with an entry in
// pdbTables, its table in a migration, and its struct in package peering.
type pdbTable struct {
	name    string
	columns []string                   // besides those of the head
	fields  func(peering.PDBRow) []any // pointers to the row's fields, in the order of columns
	parents map[string]peering.PDBType // column → the type it points to
}

var pdbHeadColumns = []string{"id", "status", "created", "updated"}

var pdbTables = map[peering.PDBType]pdbTable{
	peering.PDBOrgs: {
		name:    "pdb_org",
		columns: []string{"name", "aka", "name_long", "website", "city", "country"},
		fields: pdbFields(func(o *peering.PDBOrganization) []any {
			return []any{&o.Name, &o.AKA, &o.NameLong, &o.Website, &o.City, &o.Country}
		}),
	},
	peering.PDBFacilities: {
		name:    "pdb_fac",
		columns: []string{"org_id", "name", "aka", "name_long", "website", "address1", "address2", "city", "state", "zipcode", "country"},
		fields: pdbFields(func(f *peering.PDBFacility) []any {
			return []any{&f.OrgID, &f.Name, &f.AKA, &f.NameLong, &f.Website, &f.Address1, &f.Address2, &f.City, &f.State, &f.Zipcode, &f.Country}
		}),
		parents: map[string]peering.PDBType{"org_id": peering.PDBOrgs},
	},
	peering.PDBNetworks: {
		name: "pdb_net",
		columns: []string{"org_id", "asn", "name", "aka", "name_long", "website", "looking_glass", "route_server",
			"irr_as_set", "info_type", "info_prefixes4", "info_prefixes6", "info_traffic", "info_ratio", "info_scope",
			"info_unicast", "info_multicast", "info_ipv6", "info_never_via_route_servers",
			"policy_url", "policy_general", "policy_locations", "policy_ratio", "policy_contracts", "notes"},
		fields: pdbFields(func(n *peering.PDBNetwork) []any {
			return []any{&n.OrgID, &n.ASN, &n.Name, &n.AKA, &n.NameLong, &n.Website, &n.LookingGlass, &n.RouteServer,
				&n.IRRASSet, &n.InfoType, &n.InfoPrefixes4, &n.InfoPrefixes6, &n.InfoTraffic, &n.InfoRatio, &n.InfoScope,
				&n.InfoUnicast, &n.InfoMulticast, &n.InfoIPv6, &n.InfoNeverViaRouteServers,
				&n.PolicyURL, &n.PolicyGeneral, &n.PolicyLocations, &n.PolicyRatio, &n.PolicyContracts, &n.Notes}
		}),
		parents: map[string]peering.PDBType{"org_id": peering.PDBOrgs},
	},
	peering.PDBExchanges: {
		name: "pdb_ix",
		columns: []string{"org_id", "name", "aka", "name_long", "city", "country", "region_continent", "media",
			"website", "url_stats"},
		fields: pdbFields(func(x *peering.PDBExchange) []any {
			return []any{&x.OrgID, &x.Name, &x.AKA, &x.NameLong, &x.City, &x.Country, &x.RegionContinent, &x.Media,
				&x.Website, &x.URLStats}
		}),
		parents: map[string]peering.PDBType{"org_id": peering.PDBOrgs},
	},
	peering.PDBLANs: {
		name:    "pdb_ixlan",
		columns: []string{"ix_id", "name", "mtu", "dot1q_support", "rs_asn"},
		fields: pdbFields(func(l *peering.PDBLAN) []any {
			return []any{&l.IXID, &l.Name, &l.MTU, &l.Dot1Q, &l.RSASN}
		}),
		parents: map[string]peering.PDBType{"ix_id": peering.PDBExchanges},
	},
	peering.PDBPrefixes: {
		name:    "pdb_ixpfx",
		columns: []string{"ixlan_id", "protocol", "prefix", "in_dfz"},
		fields: pdbFields(func(p *peering.PDBPrefix) []any {
			return []any{&p.LANID, &p.Protocol, &p.Prefix, &p.InDFZ}
		}),
		parents: map[string]peering.PDBType{"ixlan_id": peering.PDBLANs},
	},
	peering.PDBPorts: {
		name: "pdb_netixlan",
		columns: []string{"net_id", "ixlan_id", "asn", "ipaddr4", "ipaddr6", "speed", "is_rs_peer", "bfd_support",
			"operational", "notes", "net_side_id", "ix_side_id"},
		fields: pdbFields(func(p *peering.PDBPort) []any {
			return []any{&p.NetID, &p.LANID, &p.ASN, &p.IPv4, &p.IPv6, &p.Speed, &p.RSPeer, &p.BFD, &p.Operational,
				&p.Notes, &p.NetSideID, &p.IXSideID}
		}),
		parents: map[string]peering.PDBType{"net_id": peering.PDBNetworks, "ixlan_id": peering.PDBLANs},
	},
	peering.PDBNetworkFacilities: {
		name:    "pdb_netfac",
		columns: []string{"net_id", "fac_id", "local_asn"},
		fields:  pdbFields(func(h *peering.PDBNetworkFacility) []any { return []any{&h.NetID, &h.FacilityID, &h.LocalASN} }),
		parents: map[string]peering.PDBType{"net_id": peering.PDBNetworks, "fac_id": peering.PDBFacilities},
	},
	peering.PDBContacts: {
		name:    "pdb_poc",
		columns: []string{"net_id", "role", "visible", "name", "phone", "email", "url"},
		fields: pdbFields(func(c *peering.PDBContact) []any {
			return []any{&c.NetID, &c.Role, &c.Visible, &c.Name, &c.Phone, &c.Email, &c.URL}
		}),
		parents: map[string]peering.PDBType{"net_id": peering.PDBNetworks},
	},
}

// pdbFields lets a table entry name the fields of its own struct.
func pdbFields[R peering.PDBRow](fields func(R) []any) func(peering.PDBRow) []any {
	return func(row peering.PDBRow) []any { return fields(row.(R)) }
}

func (t pdbTable) allColumns() []string { return append(slices.Clone(t.columns), pdbHeadColumns...) }

func (t pdbTable) allFields(row peering.PDBRow) []any {
	h := row.Head()
	return append(t.fields(row), &h.ID, &h.Status, &h.Created, &h.Updated)
}

// incoming is the temporary table that a transaction copies rows into.
func (t pdbTable) incoming() string { return t.name + "_in" }

func pdbTableOf(t peering.PDBType) (pdbTable, error) {
	table, ok := pdbTables[t]
	if !ok {
		return pdbTable{}, peering.Errorf(peering.Invalid, "peeringdb type %q is not mirrored", t)
	}
	return table, nil
}
