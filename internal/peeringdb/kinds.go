package peeringdb

import (
	"errors"
	"net/netip"

	"peerflow/internal/peering"
)

// kind is how one object type is read. Another type joins with an entry in kinds
// and its struct in package peering.
type kind struct {
	new func() peering.PDBRow
	// marks are fields that the first row must have. They tell the type from the
	// others, and a field that was renamed from one that is false or empty.
	marks []string
	// check refuses a row that planning could not use, and brings the rest into
	// the shape the mirror wants.
	check func(peering.PDBRow) error
}

var kinds = map[peering.PDBType]kind{
	peering.PDBOrgs: kindOf([]string{"name", "address1"}, func(*peering.PDBOrganization) error {
		return nil // real ones may even lack a name
	}),
	peering.PDBFacilities: kindOf([]string{"name", "address1", "clli"}, func(*peering.PDBFacility) error {
		return nil
	}),
	peering.PDBNetworks: kindOf([]string{"asn", "irr_as_set", "info_prefixes4", "policy_general"}, func(n *peering.PDBNetwork) error {
		if n.ASN == 0 {
			return errors.New("no AS number")
		}
		n.InfoPrefixes4, n.InfoPrefixes6 = max(n.InfoPrefixes4, 0), max(n.InfoPrefixes6, 0)
		return nil
	}),
	peering.PDBExchanges: kindOf([]string{"name", "region_continent"}, func(*peering.PDBExchange) error {
		return nil
	}),
	peering.PDBLANs: kindOf([]string{"ix_id", "rs_asn"}, func(l *peering.PDBLAN) error {
		return child(l.IXID, "ix_id")
	}),
	peering.PDBPrefixes: kindOf([]string{"ixlan_id", "prefix"}, func(p *peering.PDBPrefix) error {
		if !p.Prefix.IsValid() {
			return errors.New("no prefix")
		}
		p.Prefix = p.Prefix.Masked()
		return child(p.LANID, "ixlan_id")
	}),
	peering.PDBPorts: kindOf([]string{"net_id", "ixlan_id", "ipaddr4", "ipaddr6", "is_rs_peer", "operational"}, checkPort),
	peering.PDBNetworkFacilities: kindOf([]string{"net_id", "fac_id", "local_asn"}, func(h *peering.PDBNetworkFacility) error {
		return errors.Join(child(h.NetID, "net_id"), child(h.FacilityID, "fac_id"))
	}),
	peering.PDBContacts: kindOf([]string{"net_id", "role", "visible", "email"}, func(c *peering.PDBContact) error {
		return child(c.NetID, "net_id")
	}),
}

func kindOf[T any, P interface {
	*T
	peering.PDBRow
}](marks []string, check func(P) error) kind {
	return kind{
		marks: marks,
		new:   func() peering.PDBRow { return P(new(T)) },
		check: func(row peering.PDBRow) error { return check(row.(P)) },
	}
}

func child(parent int64, field string) error {
	if parent <= 0 {
		return errors.New("no " + field)
	}
	return nil
}

func checkPort(p *peering.PDBPort) error {
	if p.ASN == 0 {
		return errors.New("no AS number")
	}
	if p.IPv4.IsValid() && !p.IPv4.Is4() {
		return errors.New("ipaddr4 is no IPv4 address")
	}
	if p.IPv6.IsValid() && (!p.IPv6.Is6() || p.IPv6.Is4In6() || p.IPv6 != netip.AddrFrom16(p.IPv6.As16())) {
		return errors.New("ipaddr6 is no IPv6 host address")
	}
	p.Speed, p.NetSideID, p.IXSideID = max(p.Speed, 0), max(p.NetSideID, 0), max(p.IXSideID, 0)
	if err := child(p.NetID, "net_id"); err != nil {
		return err
	}
	return child(p.LANID, "ixlan_id")
}
