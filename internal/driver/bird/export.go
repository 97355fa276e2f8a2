package bird

import (
	"context"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// symbol is a name that BIRD takes in quotes, where it may have any of these letters.
var symbol = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// mostListed bounds how many routes of a filter are listed to look at their lengths.
const mostListed = 10_000

// CountExport counts what a session is announced, or would be.
//
// While the session is up BIRD lists what it exports. While it isn't, BIRD has no
// export to show ("No valid tables"), so the best routes of the channel's table
// are passed through its export filter. That counts too much rather than too
// little: well-known communities and iBGP's rule against passing on iBGP routes
// aren't in a filter. A filter without a name can't be asked for: its family is
// left out, which means not counted.
func (r *Reader) CountExport(ctx context.Context, neighbor peering.NeighborKey) ([]peering.ExportCount, error) {
	p, err := r.protocolOf(ctx, neighbor)
	if err != nil {
		return nil, err
	}
	var counts []peering.ExportCount
	for _, c := range p.channels {
		family, err := bgp.ParseFamily(c.name)
		if err != nil {
			continue // not a family of ours
		}
		count, counted, err := r.countChannel(ctx, p, c, family)
		if err != nil {
			return nil, err
		}
		if counted {
			counts = append(counts, count)
		}
	}
	return counts, nil
}

func (r *Reader) countChannel(ctx context.Context, p protocol, c channel, f bgp.Family) (peering.ExportCount, bool, error) {
	count := peering.ExportCount{Family: f}
	filter, table := c.fields["Output filter"], c.fields["Table"]
	switch {
	case stateOf(p) == bgp.Established:
		return r.countExported(ctx, p, c, count)
	case filter == "REJECT":
		count.Announced, count.Default, count.Long = new(int64), new(int64), new(int64)
		return count, true, nil
	case !symbol.MatchString(table):
		return count, false, nil
	case filter == "ACCEPT":
		return r.countFiltered(ctx, "show route table '"+table+"' primary", count)
	case !symbol.MatchString(filter):
		return count, false, nil
	}
	return r.countFiltered(ctx, "show route table '"+table+"' primary filter '"+filter+"'", count)
}

// countExported asks for the three counts of a session that is up.
func (r *Reader) countExported(ctx context.Context, p protocol, c channel, count peering.ExportCount) (_ peering.ExportCount, _ bool, err error) {
	from := "show route export '" + p.name + "'." + c.name
	long := "where net.len > " + strconv.Itoa(peering.LongerThan(count.Family))
	for _, ask := range []struct {
		into    **int64
		command string
	}{{&count.Announced, from + " count"}, {&count.Default, from + " where net.len = 0 count"}, {&count.Long, from + " " + long + " count"}} {
		if *ask.into, err = r.countRoutes(ctx, ask.command); err != nil {
			return count, false, err
		}
	}
	return count, true, nil
}

// countFiltered counts what a filter lets pass. BIRD takes a filter or a
// condition, not both: lengths are read from the list, unless it is long.
func (r *Reader) countFiltered(ctx context.Context, command string, count peering.ExportCount) (_ peering.ExportCount, _ bool, err error) {
	if count.Announced, err = r.countRoutes(ctx, command+" count"); err != nil || *count.Announced > mostListed {
		return count, err == nil, err
	}
	replies, err := r.birdc(ctx, command)
	if err != nil {
		return count, false, err
	}
	count.Default, count.Long = new(int64), new(int64)
	for _, reply := range replies {
		first, _, _ := strings.Cut(reply.text, " ")
		prefix, err := netip.ParsePrefix(first)
		if err != nil || bgp.FamilyOf(prefix.Addr()) != count.Family {
			continue
		}
		if prefix.Bits() == 0 {
			*count.Default++
		}
		if prefix.Bits() > peering.LongerThan(count.Family) {
			*count.Long++
		}
	}
	return count, true, nil
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

// ShutSession disables the session's protocol, in one command with the check of
// the fence. BIRD enables a disabled protocol again when a configuration is loaded
// that doesn't say so: the next artifact has to.
func (c *Conn) ShutSession(ctx context.Context, s driver.Shutdown) error {
	p, err := c.protocolOf(ctx, s.Neighbor)
	if err != nil {
		return err
	}
	res, err := c.script(ctx, shutScript, "shut", driver.Commit{Fence: s.Fence}, nil, p.name)
	if err != nil {
		return err
	}
	if replies := parseReplies(res.out); len(replies) == 0 || refused(replies) {
		return failed(c.router, "disable", replies)
	}
	return nil
}

func refused(replies []reply) bool {
	_, is := refusal(replies)
	return is
}

// ClearSession restarts one session, or asks for its routes again and sends ours again (soft).
func (c *Conn) ClearSession(ctx context.Context, neighbor netip.Addr, soft bool) error {
	p, err := c.protocolOf(ctx, peering.NeighborKey{Address: neighbor})
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
func (r *Reader) protocolOf(ctx context.Context, neighbor peering.NeighborKey) (protocol, error) {
	replies, err := r.birdc(ctx, "show protocols all")
	if err != nil {
		return protocol{}, err
	}
	var found []protocol
	for _, p := range protocols(replies) {
		if p.kind == "BGP" && p.key() == neighbor {
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

func (p protocol) key() peering.NeighborKey {
	return peering.NeighborKey{VRF: p.fields["VRF"], Address: parseAddr(p.fields["Neighbor address"])}
}

// birdc runs one command. Its text is built from constants and names that BIRD itself gave.
func (r *Reader) birdc(ctx context.Context, command string) ([]reply, error) {
	res, err := r.shell.run(ctx, birdcScript, nil, r.settings.Birdc, command)
	if err != nil {
		return nil, err
	}
	replies := parseReplies(res.out)
	if len(replies) == 0 || res.code != 0 && !refused(replies) { // or cut short
		return nil, silent(r.router)
	}
	return replies, nil
}

const birdcScript = `set -f
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
timeout 60 $1 -v "$2"
`
