package bird

import (
	"context"
	"net/netip"
	"regexp"
	"strconv"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// symbol is a name that BIRD takes without quotes.
var symbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// CountExport counts what a session is announced, or would be.
//
// While the session is up that is BIRD's own counter of exported routes. While
// it isn't, BIRD has no export to show ("No valid tables"), so the best routes of
// the channel's table are passed through its export filter. That counts too much
// rather than too little: well-known communities and iBGP's rule against
// passing on iBGP routes aren't in a filter. A filter without a name can't be
// asked for: its family is left out, which means not counted.
func (r *Reader) CountExport(ctx context.Context, neighbor netip.Addr) (map[string]int64, error) {
	p, err := r.protocolOf(ctx, neighbor)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, c := range p.channels {
		family, err := bgp.ParseFamily(c.name)
		if err != nil {
			continue // not a family of ours
		}
		n, err := r.countChannel(ctx, p, c)
		if err != nil {
			return nil, err
		}
		if n != nil {
			counts[family.String()] = *n
		}
	}
	return counts, nil
}

func (r *Reader) countChannel(ctx context.Context, p protocol, c channel) (*int64, error) {
	if stateOf(p) == bgp.Established {
		s, _ := c.family(true)
		return s.Announced, nil
	}
	filter, table := c.fields["Output filter"], c.fields["Table"]
	switch {
	case filter == "REJECT":
		return new(int64), nil
	case !symbol.MatchString(table):
		return nil, nil
	case filter == "ACCEPT":
		return r.countRoutes(ctx, "show route table "+table+" primary count")
	case !symbol.MatchString(filter):
		return nil, nil
	}
	return r.countRoutes(ctx, "show route table "+table+" primary filter "+filter+" count")
}

var routeCount = regexp.MustCompile(`^(\d+) of \d+ routes`)

func (r *Reader) countRoutes(ctx context.Context, command string) (*int64, error) {
	replies, err := r.birdc(ctx, command)
	if err != nil {
		return nil, err
	}
	for _, reply := range replies {
		if m := routeCount.FindStringSubmatch(reply.text); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			return &n, err
		}
	}
	return nil, failed(r.router, "count routes", replies)
}

// ClearSession restarts one session, or asks for its routes again and sends ours again (soft).
func (c *Conn) ClearSession(ctx context.Context, neighbor netip.Addr, soft bool) error {
	p, err := c.protocolOf(ctx, neighbor)
	if err != nil {
		return err
	}
	command := "restart"
	if soft {
		command = "reload"
	}
	replies, err := c.birdc(ctx, command+" '"+p.name+"'")
	if err != nil {
		return err
	}
	if _, refused := refusal(replies); refused {
		return failed(c.router, command, replies)
	}
	return nil
}

// protocolOf finds the one BGP protocol that has this neighbor.
func (r *Reader) protocolOf(ctx context.Context, neighbor netip.Addr) (protocol, error) {
	replies, err := r.birdc(ctx, "show protocols all")
	if err != nil {
		return protocol{}, err
	}
	var found []protocol
	for _, p := range protocols(replies) {
		if p.kind == "BGP" && parseAddr(p.fields["Neighbor address"]) == neighbor {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return protocol{}, peering.Errorf(peering.NotFound, "%s has no session with %s", r.router, neighbor)
	case 1:
		return found[0], nil
	}
	return protocol{}, peering.Errorf(peering.Conflict, "%s has %d sessions with %s", r.router, len(found), neighbor)
}

// birdc runs one command. Its text is built from constants and names that BIRD itself gave.
func (r *Reader) birdc(ctx context.Context, command string) ([]reply, error) {
	res, err := r.shell.run(ctx, birdcScript, nil, r.settings.Birdc, command)
	if err != nil {
		return nil, err
	}
	replies := parseReplies(res.out)
	if len(replies) == 0 {
		return nil, silent(r.router)
	}
	return replies, nil
}

const birdcScript = `set -f
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
timeout 60 $1 -v "$2"
`
