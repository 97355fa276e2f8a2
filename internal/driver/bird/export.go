package bird

import (
	"context"
	"net/netip"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

var _ driver.SessionClearer = (*Conn)(nil)

func (r *Reader) CountExport(ctx context.Context, neighbor netip.Addr) (map[string]int64, error) {
	return nil, peering.Errorf(peering.Unsupported, "TODO")
}

func (c *Conn) ClearSession(ctx context.Context, neighbor netip.Addr, soft bool) error { return nil }
