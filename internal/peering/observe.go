package peering

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"peerflow/internal/bgp"
)

// Neighbor is what a router reports of one of its BGP neighbors, ours or not.
type Neighbor struct {
	Name        string        `json:"name"` // the router's own name for it, "" where it has none
	VRF         string        `json:"vrf,omitempty"`
	Address     netip.Addr    `json:"address"`
	RemoteAS    bgp.ASN       `json:"remote_as"`
	LocalAS     bgp.ASN       `json:"local_as"`
	State       bgp.State     `json:"state"`
	AdminDown   bool          `json:"admin_down"`             // shut down on our side
	Since       time.Time     `json:"since"`                  // last change of state; zero when not reported
	Transitions int64         `json:"transitions"`            // times it left Established; -1 when not reported
	HoldTime    time.Duration `json:"hold_time"`              // negotiated, else configured; 0 when not reported
	LastMessage time.Time     `json:"last_message,omitempty"` // last message received; zero when not reported
	DownReason  DownReason    `json:"down_reason,omitempty"`
	DownText    string        `json:"down_text,omitempty"` // the router's words, RFC 9003 text included
	LastDown    DownReason    `json:"last_down,omitempty"` // why it left Established last, told while it is up again; "" when not
	Families    []FamilyState `json:"families"`
}

// NeighborKey names a neighbor on one router: one address in two VRFs is two neighbors.
type NeighborKey struct {
	VRF     string
	Address netip.Addr
}

// Key is what a neighbor is known by on its router.
func (n Neighbor) Key() NeighborKey { return NeighborKey{n.VRF, n.Address} }

// String is the address, with the VRF when there is one: 192.0.2.1@blue.
func (k NeighborKey) String() string {
	if k.VRF == "" {
		return k.Address.String()
	}
	return k.Address.String() + "@" + k.VRF
}

// MarshalText makes keys of JSON objects.
func (k NeighborKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *NeighborKey) UnmarshalText(text []byte) (err error) {
	address, vrf, _ := strings.Cut(string(text), "@")
	k.VRF = vrf
	k.Address, err = netip.ParseAddr(address)
	return err
}

// FamilyState is one family's counters. A nil counter was not reported: it is
// shown as "not checked" and never as zero.
type FamilyState struct {
	Family       bgp.Family `json:"family"`
	Received     *int64     `json:"received"`
	Accepted     *int64     `json:"accepted"`
	Announced    *int64     `json:"announced"`
	ImportPolicy string     `json:"import_policy"` // filter in force, as the router names it; "" is none (RFC 8212)
	ExportPolicy string     `json:"export_policy"`
	Limit        *int64     `json:"limit"` // prefix limit in force
}

// ExportCount is what a session is announced in one family, or would be while
// it is down. A nil count isn't known: it is shown as "not checked".
type ExportCount struct {
	Family    bgp.Family `json:"family"`
	Announced *int64     `json:"announced"`
	Default   *int64     `json:"default"` // default routes among them
	Long      *int64     `json:"long"`    // longer than /24 (IPv4) or /48 (IPv6)
}

// LongerThan is the longest prefix length that passes between networks without
// an agreement: /24 and /48.
func LongerThan(f bgp.Family) int {
	if f == bgp.IPv6 {
		return 48
	}
	return 24
}

// Family gives one family's counters, and false when the session doesn't have it.
func (n Neighbor) Family(f bgp.Family) (FamilyState, bool) {
	for _, s := range n.Families {
		if s.Family == f {
			return s, true
		}
	}
	return FamilyState{}, false
}

// MissingPolicy says which policy an external session lacks in one family (RFC
// 8212); "" when both are there, or the router reports nothing of the family.
func (n Neighbor) MissingPolicy(f bgp.Family) string {
	s, reported := n.Family(f)
	if !reported || n.RemoteAS == n.LocalAS || s.ImportPolicy != "" && s.ExportPolicy != "" {
		return ""
	}
	missing, nothing := "no import and no export policy is", `{"accept": []} or {"announce": []}`
	switch {
	case s.ImportPolicy != "":
		missing, nothing = "no export policy is", `{"announce": []}`
	case s.ExportPolicy != "":
		missing, nothing = "no import policy is", `{"accept": []}`
	}
	return fmt.Sprintf("%s: %s on the router, and both must be (RFC 8212): give the session, its group, exchange or network one; where nothing is meant to pass, as with a collector, one with the context %s", f, missing, nothing)
}

// Established reports that routes may flow.
func (n Neighbor) Established() bool { return n.State == bgp.Established }

// DownReason is why a session isn't up, as far as the router tells.
type DownReason string

const (
	DownNoAnswer    DownReason = "no_answer"
	DownRefused     DownReason = "refused"
	DownAuth        DownReason = "auth_suspected"
	DownWrongASN    DownReason = "wrong_asn"
	DownLimitOurs   DownReason = "limit_ours"
	DownLimitTheirs DownReason = "limit_theirs"
	DownAdminPeer   DownReason = "admin_peer"
	DownAdminOurs   DownReason = "admin_ours"
	DownHoldTimer   DownReason = "hold_timer"
	DownBFD         DownReason = "bfd"
	DownLink        DownReason = "link"
	DownOther       DownReason = "other"
)

// LocalCause reports reasons that lie on our side: a change that causes them is
// rolled back. A peer's own Cease is not.
func (r DownReason) LocalCause() bool {
	switch r {
	case DownAdminPeer, DownLimitTheirs:
		return false
	}
	return true
}

// Running is what a router says of the part of its configuration that we own.
type Running struct {
	Stanzas     []Stanza  // what it runs now, secrets as placeholders
	Identity    string    // artifact hash the router names as loaded; "" when it names none
	Pending     *Pending  // a commit that waits for its confirmation; nil when none does
	Boot        []Stanza  // what a restart of the router would load
	Generation  string    // changes whenever anybody loads a configuration; compare by SameGeneration
	Incarnation string    // changes when the router's daemon restarts; "" when not told; compare by SameIncarnation
	ReadAt      time.Time // by our clock
	// RevertsToLoad: after a revert the generation is again the one from before the
	// commit, so that any other one proves another load.
	RevertsToLoad bool
}

// Pending is a commit whose rollback timer runs.
type Pending struct {
	Owner     string        // deployment as the router names it; "" when it can't say
	Remaining time.Duration // 0 when the router doesn't tell
}
