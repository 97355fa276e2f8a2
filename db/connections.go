package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Connections are our ports at exchanges.
func (d *DB) Connections() Noun[peering.Connection] { return Noun[peering.Connection]{d, connections} }

var connections = &kind[peering.Connection]{
	object: "connection",
	list: listing{table: "connection", tagged: true, search: []string{"t.description", "t.interface", "host(t.ipv4)", "host(t.ipv6)"}, fields: map[string]field{
		"exchange_id": {expr: "t.ixp_id", kind: number},
		"exchange":    {expr: "(SELECT x.slug FROM ixp x WHERE x.id = t.ixp_id)", kind: word},
		"router_id":   {expr: "t.router_id", kind: number},
		"router":      {expr: "(SELECT r.name FROM router r WHERE r.id = t.router_id)", kind: word},
		"state":       oneOf(dbsqlc.AllConnectionStateValues, "t.state"),
		"ipv4":        {expr: "t.ipv4", kind: host},
		"ipv6":        {expr: "t.ipv6", kind: host},
		"interface":   {expr: "t.interface", kind: word},
		"vlan":        {expr: "t.vlan", kind: number},
		"primary":     {expr: "t.is_primary", kind: flag},
		"description": {expr: "t.description", kind: word},
	}},
	meta: func(c *peering.Connection) *peering.Meta { return &c.Meta },
	load: loads((*dbsqlc.Queries).ConnectionRows, connectionOf),
	insert: writes((*dbsqlc.Queries).ConnectionInsert, func(c peering.Connection) dbsqlc.ConnectionInsertParams {
		return dbsqlc.ConnectionInsertParams(connectionParams(c))
	}),
	update:   writes((*dbsqlc.Queries).ConnectionUpdate, connectionParams),
	remove:   removes((*dbsqlc.Queries).ConnectionDelete),
	complete: (*peering.Connection).Complete,
	tags:     func(c *peering.Connection) []int64 { return c.Tags },
	router:   func(c *peering.Connection) int64 { return c.RouterID },
	stays:    true,
}

func connectionOf(row dbsqlc.ConnectionRowsRow) peering.Connection {
	r := row.Connection
	return peering.Connection{
		Meta:  meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		IXPID: r.IXPID, RouterID: r.RouterID, State: peering.ConnectionState(r.State),
		IPv4: addrOf(r.Ipv4), IPv4LAN: orZero(r.Ipv4Lan), IPv6: addrOf(r.Ipv6), IPv6LAN: orZero(r.Ipv6Lan),
		Interface: r.Interface, VLAN: int(orZero(r.Vlan)), Primary: r.IsPrimary, Description: r.Description, Tags: row.Tags,
	}
}

func connectionParams(c peering.Connection) dbsqlc.ConnectionUpdateParams {
	return dbsqlc.ConnectionUpdateParams{
		IXPID: c.IXPID, RouterID: c.RouterID, State: dbsqlc.ConnectionState(c.State),
		Ipv4: orNull(c.IPv4), Ipv4Lan: orNull(c.IPv4LAN), Ipv6: orNull(c.IPv6), Ipv6Lan: orNull(c.IPv6LAN),
		Interface: c.Interface, Vlan: intOrNull(c.VLAN), IsPrimary: c.Primary, Description: c.Description, ID: c.ID, Version: c.Version,
	}
}
