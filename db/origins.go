package db

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// StoreOrigins keeps where the lines of stanzas come from, by the hash of their text.
func (d *DB) StoreOrigins(ctx context.Context, origins map[string][]peering.LineOrigin) error {
	put := dbsqlc.StanzaOriginsPutParams{Hashes: slices.Sorted(maps.Keys(origins))}
	for _, hash := range put.Hashes {
		lines, err := json.Marshal(origins[hash])
		if err != nil {
			return err
		}
		put.Lines = append(put.Lines, string(lines))
	}
	return translate(d.q.StanzaOriginsPut(ctx, put))
}

// Origins gives what is known of where stanzas come from; one that nothing is
// known of is left out.
func (d *DB) Origins(ctx context.Context, hashes []string) (map[string][]peering.LineOrigin, error) {
	rows, err := d.q.StanzaOriginList(ctx, hashes)
	if err != nil {
		return nil, translate(err)
	}
	known := make(map[string][]peering.LineOrigin, len(rows))
	for _, r := range rows {
		var lines []peering.LineOrigin
		if err := json.Unmarshal(r.Lines, &lines); err != nil {
			return nil, fmt.Errorf("read the origins of stanza %s: %w", r.Hash, err)
		}
		known[r.Hash] = lines
	}
	return known, nil
}
