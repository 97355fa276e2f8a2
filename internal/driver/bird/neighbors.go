package bird

import (
	"context"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

const protocolsScript = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
timeout 60 $1 -v show status &&
timeout 60 $1 -v show protocols all
`

// ReadNeighbors reports every BGP protocol of the router. BIRD counts no
// transitions (-1). The last message is told from the hold timer, which every
// KEEPALIVE and UPDATE starts again (RFC 4271 §8.2.2).
func (r *Reader) ReadNeighbors(ctx context.Context) ([]peering.Neighbor, error) {
	res, err := r.shell.run(ctx, protocolsScript, nil, r.settings.Birdc)
	if err != nil {
		return nil, err
	}
	replies := parseReplies(res.out)
	if _, ok := find(replies, codeRouterID); !ok || res.code != 0 {
		return nil, silent(r.router)
	}
	return neighbors(replies, time.Now()), nil
}

// protocol is one protocol of show protocols all.
type protocol struct {
	name, kind, state string
	since             string // as printed
	info              string // "Established", or a state and an error
	fields            map[string]string
	channels          []channel
}

type channel struct {
	name   string
	fields map[string]string
}

// protocols cuts the answer: one line of columns, then indented "name: value"
// lines. "Channel" starts a part with names of its own.
func protocols(replies []reply) []protocol {
	var list []protocol
	for _, r := range replies {
		switch r.code {
		case codeProtocol:
			list = append(list, parseColumns(r.text))
		case codeProtocolDetail:
			if len(list) > 0 {
				list[len(list)-1].add(r.text)
			}
		}
	}
	return list
}

// parseColumns reads "name proto table state since info". A date as well as a
// time in "since" is the operator's choice of timeformat.
func parseColumns(line string) protocol {
	fields := strings.Fields(line)
	for len(fields) < 5 {
		fields = append(fields, "")
	}
	p := protocol{name: fields[0], kind: fields[1], state: fields[3], since: fields[4], fields: map[string]string{}}
	rest := fields[5:]
	if len(rest) > 0 && strings.Count(p.since, "-") == 2 && strings.Count(rest[0], ":") == 2 {
		p.since, rest = p.since+" "+rest[0], rest[1:]
	}
	p.info = strings.Join(rest, " ")
	return p
}

func (p *protocol) add(line string) {
	text := strings.TrimSpace(line)
	if name, ok := strings.CutPrefix(text, "Channel "); ok {
		p.channels = append(p.channels, channel{name: name, fields: map[string]string{}})
		return
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return
	}
	fields := p.fields
	if n := len(p.channels); n > 0 {
		fields = p.channels[n-1].fields
	}
	if _, twice := fields[name]; !twice { // capabilities repeat names for the other side
		fields[name] = strings.TrimSpace(value)
	}
}

func neighbors(replies []reply, now time.Time) []peering.Neighbor {
	router := clockOf(replies)
	var list []peering.Neighbor
	for _, p := range protocols(replies) {
		if n := p.neighbor(router, now); p.kind == "BGP" && n.Address.IsValid() { // a range of neighbors is no session
			list = append(list, n)
		}
	}
	return list
}

func (p protocol) neighbor(router, now time.Time) peering.Neighbor {
	n := peering.Neighbor{
		Name: p.name, VRF: p.fields["VRF"], Address: parseAddr(p.fields["Neighbor address"]),
		RemoteAS: asn(p.fields["Neighbor AS"]), LocalAS: asn(p.fields["Local AS"]),
		State: stateOf(p), AdminDown: p.state == "down" && p.fields["Last error"] == "",
		Since: sinceOf(p.since, router, now), Transitions: -1,
	}
	if left, whole, ok := holdTimer(p.fields["Hold timer"]); ok {
		n.HoldTime, n.LastMessage = whole, now.Add(left-whole)
	}
	n.DownReason, n.DownText = downReason(p, n)
	for _, c := range p.channels {
		if s, ok := c.family(n.Established()); ok {
			n.Families = append(n.Families, s)
		}
	}
	return n
}

func asn(s string) bgp.ASN {
	n, _ := strconv.ParseUint(s, 10, 32) // not reported is 0: not set
	return bgp.ASN(n)
}

var states = map[string]bgp.State{
	"Idle": bgp.Idle, "Connect": bgp.Connect, "Active": bgp.Active, "OpenSent": bgp.OpenSent,
	"OpenConfirm": bgp.OpenConfirm, "Established": bgp.Established,
	"Down": bgp.Idle, "Close": bgp.Idle, // BIRD's own names for a protocol that is off or on its way there
}

func stateOf(p protocol) bgp.State { return states[p.fields["BGP state"]] }

// family reads one channel; counters exist only while the session is up.
func (c channel) family(up bool) (peering.FamilyState, bool) {
	f, err := bgp.ParseFamily(c.name)
	if err != nil {
		return peering.FamilyState{}, false // VPN, flow specification: not ours
	}
	s := peering.FamilyState{
		Family: f, ImportPolicy: policyName(c.fields["Input filter"]), ExportPolicy: policyName(c.fields["Output filter"]),
		Limit: leadingInt(c.fields["Import limit"]),
	}
	if s.Limit == nil {
		s.Limit = leadingInt(c.fields["Receive limit"])
	}
	if up {
		count(&s, c.fields["Routes"])
	}
	return s, true
}

// policyName is the filter in force. BIRD's own REJECT is no policy: nothing passes.
func policyName(s string) string {
	if s == "REJECT" {
		return ""
	}
	return s
}

// count reads "50 imported, 3 filtered, 2 exported, 50 preferred". Filtered routes
// are counted only where the channel keeps them; elsewhere what was received isn't known.
func count(s *peering.FamilyState, routes string) {
	counts := map[string]*int64{}
	for part := range strings.SplitSeq(routes, ", ") {
		number, name, _ := strings.Cut(part, " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			counts[name] = &n
		}
	}
	s.Accepted, s.Announced = counts["imported"], counts["exported"]
	if filtered := counts["filtered"]; filtered != nil && s.Accepted != nil {
		sum := *s.Accepted + *filtered
		s.Received = &sum
	}
}

func leadingInt(s string) *int64 {
	first, _, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// holdTimer reads "7.399/9": what is left and the negotiated time, in seconds.
func holdTimer(s string) (left, whole time.Duration, ok bool) {
	a, b, _ := strings.Cut(s, "/")
	l, errLeft := strconv.ParseFloat(a, 64)
	w, errWhole := strconv.Atoi(b)
	if errLeft != nil || errWhole != nil || w == 0 {
		return 0, 0, false // down, or without hold time
	}
	return time.Duration(l * float64(time.Second)), time.Duration(w) * time.Second, true
}

const dateTime = "2006-01-02 15:04:05.999999"

// clockOf is the router's own time, in its own zone.
func clockOf(replies []reply) time.Time {
	for _, r := range replies {
		if at, ok := strings.CutPrefix(r.text, "Current server time is "); ok {
			t, _ := time.Parse(dateTime, at) // another timeformat: zero, and no "since"
			return t
		}
	}
	return time.Time{}
}

// meanwhile is the most that passes between the router's two answers, its time and its protocols.
const meanwhile = time.Minute

// sinceOf turns the router's local time into ours by its distance from the router's
// now. BIRD prints a time of day for the last 20 hours and a date before. What
// happened after it told its now is no time ago, and not a day.
func sinceOf(text string, router, now time.Time) time.Time {
	if router.IsZero() {
		return time.Time{}
	}
	at, err := time.Parse(dateTime, router.Format("2006-01-02 ")+text)
	switch {
	case err == nil && at.After(router.Add(meanwhile)):
		at = at.AddDate(0, 0, -1)
	case err == nil && !at.AddDate(0, 0, 1).After(router.Add(meanwhile)): // midnight passed
		at = at.AddDate(0, 0, 1)
	case err != nil:
		at, err = time.Parse(dateTime, text)
	}
	if err != nil {
		at, err = time.Parse("2006-01-02", text)
	}
	if err != nil {
		return time.Time{}
	}
	return now.Add(-max(0, router.Sub(at)))
}
