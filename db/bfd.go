package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// BFD are the timers of bidirectional forwarding detection that sessions may use.
func (d *DB) BFD() Noun[peering.BFD] { return Noun[peering.BFD]{d, bfds} }

var bfds = &kind[peering.BFD]{
	object: "bfd",
	list: listing{table: "bfd", search: []string{"t.slug", "t.name", "t.description"}, fields: map[string]field{
		"slug":                      {expr: "t.slug", kind: word},
		"name":                      {expr: "t.name", kind: word},
		"minimum_transmit_interval": {expr: "t.minimum_transmit_interval", kind: number},
		"minimum_receive_interval":  {expr: "t.minimum_receive_interval", kind: number},
		"detection_multiplier":      {expr: "t.detection_multiplier", kind: number},
		"hold_time":                 {expr: "t.hold_time", kind: number},
	}},
	meta: func(b *peering.BFD) *peering.Meta { return &b.Meta },
	load: loads((*dbsqlc.Queries).BFDRows, bfdOf),
	insert: writes((*dbsqlc.Queries).BFDInsert, func(b peering.BFD) dbsqlc.BFDInsertParams {
		return dbsqlc.BFDInsertParams(bfdParams(b))
	}),
	update:   writes((*dbsqlc.Queries).BFDUpdate, bfdParams),
	remove:   removes((*dbsqlc.Queries).BFDDelete),
	complete: (*peering.BFD).Complete,
}

func bfdOf(b dbsqlc.Bfd) peering.BFD {
	return peering.BFD{
		Meta: meta(b.ID, b.Version, b.CreatedAt, b.UpdatedAt), Slug: b.Slug, Name: b.Name, Description: b.Description,
		MinimumTransmit: int(b.MinimumTransmitInterval), MinimumReceive: int(b.MinimumReceiveInterval),
		Multiplier: int(b.DetectionMultiplier), HoldTime: int(b.HoldTime),
	}
}

func bfdParams(b peering.BFD) dbsqlc.BFDUpdateParams {
	return dbsqlc.BFDUpdateParams{
		Slug: b.Slug, Name: b.Name, Description: b.Description,
		MinimumTransmitInterval: int32(b.MinimumTransmit), MinimumReceiveInterval: int32(b.MinimumReceive),
		DetectionMultiplier: int32(b.Multiplier), HoldTime: int32(b.HoldTime), ID: b.ID, Version: b.Version,
	}
}
