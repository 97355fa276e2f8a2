package render

import (
	"peerflow/internal/jinja"
)

// Ours is what peerflow records of a session beyond Peering Manager. Its names never clash with theirs.
type Ours struct {
	Kind                  string // direct or ixp
	Name                  string // an identifier that stays the session's
	Shutdown, Draining    bool
	PeerAS, LocalAS       int64
	Address, LocalAddress string // LocalAddress "" prints as None
	Family                string // of the peer's address: ipv4 or ipv6
	VRF, Interface        string
	Multihop              int    // 0: single hop
	HoldTime              *int64 // seconds; nil prints as None
	Peer                  *AutonomousSystem
	Relationship          *Relationship
	Limit                 func(family int) int64 // effective; 0: unlimited
	Families              func() *jinja.List     // with limits and chains of policies, as effective
	carries               func(family int) bool
	Chain                 func(export bool) *jinja.List // the policies of all families in the order they apply
}

var oursFields = offering(fields[*Ours]{
	"kind":          func(o *Ours) jinja.Value { return jinja.Str(o.Kind) },
	"name":          func(o *Ours) jinja.Value { return jinja.Str(o.Name) },
	"shutdown":      func(o *Ours) jinja.Value { return jinja.Bool(o.Shutdown) },
	"draining":      func(o *Ours) jinja.Value { return jinja.Bool(o.Draining) },
	"peer_asn":      func(o *Ours) jinja.Value { return jinja.Int(o.PeerAS) },
	"local_asn":     func(o *Ours) jinja.Value { return jinja.Int(o.LocalAS) },
	"peer_address":  func(o *Ours) jinja.Value { return jinja.Str(o.Address) },
	"local_address": func(o *Ours) jinja.Value { return text(o.LocalAddress) },
	"afi":           func(o *Ours) jinja.Value { return jinja.Str(o.Family) },
	"families":      func(o *Ours) jinja.Value { return o.Families() },
	"import_chain":  func(o *Ours) jinja.Value { return o.Chain(false) },
	"export_chain":  func(o *Ours) jinja.Value { return o.Chain(true) },
	"vrf":           func(o *Ours) jinja.Value { return jinja.Str(o.VRF) },
	"interface":     func(o *Ours) jinja.Value { return jinja.Str(o.Interface) },
	"multihop":      func(o *Ours) jinja.Value { return jinja.Int(o.Multihop) },
	"hold_time":     func(o *Ours) jinja.Value { return number(o.HoldTime) },
	"peer":          func(o *Ours) jinja.Value { return one(o.Peer) },
	"relationship":  func(o *Ours) jinja.Value { return one(o.Relationship) }, // sessions over an exchange; theirs have none
})
