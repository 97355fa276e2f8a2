package peering

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"time"

	"peerflow/internal/bgp"
)

// Meta is what every record carries. Version counts its changes: it is the ETag.
type Meta struct {
	ID        int64     `json:"id"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Limits are prefix limits per family; the zero value inherits both.
type Limits struct {
	IPv4 bgp.PrefixLimit `json:"ipv4"`
	IPv6 bgp.PrefixLimit `json:"ipv6"`
}

// For gives one family's limit.
func (l Limits) For(f bgp.Family) bgp.PrefixLimit {
	if f == bgp.IPv6 {
		return l.IPv6
	}
	return l.IPv4
}

// Policies are ids of routing policies in the order they apply, seen from our
// routers: import is what we accept.
type Policies struct {
	Import []int64 `json:"import_policies"`
	Export []int64 `json:"export_policies"`
}

// Context is free data for templates, a JSON object; "{}" when empty.
type Context = json.RawMessage

// AutonomousSystem is a network: a peer's or, when Local, one of ours.
type AutonomousSystem struct {
	Meta
	ASN      bgp.ASN `json:"asn"`
	Name     string  `json:"name"`
	Local    bool    `json:"local"`
	IRRASSet string  `json:"irr_as_set"`
	Limits   Limits  `json:"prefix_limits"`
	Policies
	Communities    []int64      `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags           []int64      `json:"tags" doc:"ids of its tags, in their order"`
	Context        Context      `json:"context"`
	ConfigContexts []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
	Contacts       []ContactRef `json:"contacts" doc:"its contacts, each in a role"`
	Comments       string       `json:"comments"`
}

// Relationship is the class of a session: peer, transit, customer, …
type Relationship struct {
	Meta
	Slug      string   `json:"slug"`
	Name      string   `json:"name"`
	Role      bgp.Role `json:"role"`      // ours, RFC 9234
	Protected bool     `json:"protected"` // no change may touch such a session unless its kind allows it
	Tags      []int64  `json:"tags" doc:"ids of its tags, in their order"`
}

// Site is a place with routers; device work for them runs on its own task queue.
type Site struct {
	Meta
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// PlatformRecord names a router operating system and the driver that speaks to it.
type PlatformRecord struct {
	Meta
	Slug   string `json:"slug"`
	Name   string `json:"name"`
	Driver string `json:"driver"`
}

// Template turns a router's sessions into its configuration, or records into a
// mail or an export.
type Template struct {
	Meta
	Name         string         `json:"name"` // one of each kind
	Kind         TemplateKind   `json:"kind"`
	Subject      string         `json:"subject"` // of a mail: a template, too
	Dataset      Dataset        `json:"dataset"` // of an export: the records that it is given
	Mode         TemplateMode   `json:"mode"`
	Engine       TemplateEngine `json:"engine"`
	Body         string         `json:"body"`
	Lenient      bool           `json:"lenient"` // undefined prints as nothing
	TrimBlocks   bool           `json:"trim_blocks"`
	LstripBlocks bool           `json:"lstrip_blocks"`
}

// Or is the template with the mode and language of another where it leaves them
// out: stanza and jinja2 where that does, too.
func (t Template) Or(other Template) Template {
	t.Mode = cmp.Or(t.Mode, other.Mode, ModeStanza)
	t.Engine = cmp.Or(t.Engine, other.Engine, EngineJinja2)
	return t
}

// TemplateKind says what a template is for. Mode and engine matter to a router's.
type TemplateKind string

const (
	RouterTemplate TemplateKind = "router"
	MailTemplate   TemplateKind = "mail"
	ExportTemplate TemplateKind = "export"
)

// Dataset names the records that an export is given.
type Dataset string

// Datasets are all there are.
var Datasets = []Dataset{"autonomous-systems", "exchanges", "bgp-groups", "connections", "direct-sessions", "exchange-sessions", "routing-policies", "communities", "routers"}

// TemplateMode says what the rendered text is.
type TemplateMode string

const (
	ModeStanza TemplateMode = "stanza" // all stanzas that we own: absent means delete
	ModeWhole  TemplateMode = "whole"  // the router's complete file
	ModeMerge  TemplateMode = "merge"  // an edit script
)

// TemplateEngine is the language of a template.
type TemplateEngine string

const (
	EngineJinja2 TemplateEngine = "jinja2"
	EnginePongo2 TemplateEngine = "pongo2"
)

// RouterRef is a router as people find it.
type RouterRef struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Site string `json:"site"` // slug: the workers that reach the router serve it
}

// Router is a device that peerflow reads or manages.
type Router struct {
	Meta
	Name       string     `json:"name"`
	SiteID     int64      `json:"site_id"`
	PlatformID int64      `json:"platform_id"`
	LocalASID  int64      `json:"local_as_id"`
	TemplateID int64      `json:"template_id"` // 0: none yet
	Mode       RouterMode `json:"mode"`
	Address    string     `json:"address"` // host:port of management
	Username   string     `json:"username"`
	Login      SecretRef  `json:"login"`
	HostKey    string     `json:"host_key"`
	BGPPort    int        `json:"bgp_port"` // 1 to 65535, usually 179
	Lab        bool       `json:"lab"`      // loopback only; documentation AS numbers allowed, short timers
	// AcceptUnproven: it may be managed though its driver was never tried on anything.
	AcceptUnproven bool         `json:"accept_unproven"`
	Communities    []int64      `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags           []int64      `json:"tags" doc:"ids of its tags, in their order"`
	Settings       Context      `json:"settings"`
	Context        Context      `json:"context"`
	ConfigContexts []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
	ReachedVia     netip.Addr   `json:"reached_via,omitzero"` // neighbor that carries our way to this router; zero when none does
}

// RouterMode is how far peerflow may go on a router.
type RouterMode string

const (
	Observe RouterMode = "observe" // read only: the driver is unable to write
	Propose RouterMode = "propose" // artifacts for a person to paste
	Manage  RouterMode = "manage"
)

// IXP is an exchange where we have connections ("exchange" in paths and pages).
type IXP struct {
	Meta
	Slug           string        `json:"slug"`
	Name           string        `json:"name"`
	LocalASID      int64         `json:"local_as_id"`
	RelationshipID int64         `json:"relationship_id"` // 0: none
	IXLANID        int64         `json:"ixlan_id"`        // PeeringDB's; 0 when it isn't there
	Mesh           Mesh          `json:"mesh"`
	Agreement      AgreementRule `json:"agreement"`
	Policies
	Communities    []int64      `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags           []int64      `json:"tags" doc:"ids of its tags, in their order"`
	Context        Context      `json:"context"`
	ConfigContexts []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
	Contacts       []ContactRef `json:"contacts" doc:"its contacts, each in a role"`
}

// Mesh says how a peer's ports and our connections at one exchange are paired.
type Mesh string

const (
	OnePerPeerPort Mesh = "one_per_peer_port"
	FullMesh       Mesh = "full"
	PairMesh       Mesh = "pair"
	PrimaryOnly    Mesh = "primary_only"
)

// AgreementRule says who moves first at an exchange.
type AgreementRule string

const (
	AskFirst         AgreementRule = "ask_first"
	ConfigureThenAsk AgreementRule = "configure_then_ask" // an open policy counts as agreement
	ConfiguredByThem AgreementRule = "configured_by_them"
)

// Connection is our port at an exchange (people also say IX port).
type Connection struct {
	Meta
	IXPID       int64           `json:"exchange_id"`
	RouterID    int64           `json:"router_id"`
	State       ConnectionState `json:"state"`
	IPv4        netip.Addr      `json:"ipv4,omitzero"`
	IPv4LAN     netip.Prefix    `json:"ipv4_lan,omitzero"`
	IPv6        netip.Addr      `json:"ipv6,omitzero"`
	IPv6LAN     netip.Prefix    `json:"ipv6_lan,omitzero"`
	Interface   string          `json:"interface"`
	VLAN        int             `json:"vlan"` // 1 to 4094; 0 untagged
	Primary     bool            `json:"primary"`
	Description string          `json:"description"`
	Tags        []int64         `json:"tags" doc:"ids of its tags, in their order"`
}

// ConnectionState is whether sessions may be planned over a connection.
type ConnectionState string

const (
	ConnectionEnabled     ConnectionState = "enabled"
	ConnectionMaintenance ConnectionState = "maintenance"
	ConnectionDisabled    ConnectionState = "disabled"
)

// Address gives our address and its LAN in one family; false when we lack it.
func (c Connection) Address(f bgp.Family) (netip.Addr, netip.Prefix, bool) {
	if f == bgp.IPv6 {
		return c.IPv6, c.IPv6LAN, c.IPv6.IsValid()
	}
	return c.IPv4, c.IPv4LAN, c.IPv4.IsValid()
}

// BGPGroup gathers direct sessions that share policies and limits.
type BGPGroup struct {
	Meta
	Slug           string `json:"slug"`
	Name           string `json:"name"`
	RelationshipID int64  `json:"relationship_id"`
	Limits         Limits `json:"prefix_limits"`
	Policies
	Communities    []int64      `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags           []int64      `json:"tags" doc:"ids of its tags, in their order"`
	Context        Context      `json:"context"`
	ConfigContexts []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
}

// RoutingPolicy is an import or export policy. Its context says in the
// template's terms what it matches; the guard figures are ours.
type RoutingPolicy struct {
	Meta
	Slug           string       `json:"slug"`
	Name           string       `json:"name"`
	Direction      Direction    `json:"direction"`
	Family         bgp.Family   `json:"family,omitzero"` // zero: both
	Weight         int          `json:"weight"`          // higher applies first
	ExpectIPv4     *int64       `json:"expect_prefixes_ipv4" doc:"of an export policy: how many prefixes a session is announced; of an import policy, 0 says that it is meant to accept nothing"`
	ExpectIPv6     *int64       `json:"expect_prefixes_ipv6" doc:"as expect_prefixes_ipv4"`
	AllowDefault   bool         `json:"allow_default"` // may announce a default route
	AllowLong      bool         `json:"allow_long"`    // may announce longer than /24 or /48
	Communities    []int64      `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags           []int64      `json:"tags" doc:"ids of its tags, in their order"`
	Context        Context      `json:"context"`
	ConfigContexts []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
}

// Direction is seen from our routers.
type Direction string

const (
	Import Direction = "import"
	Export Direction = "export"
)

// Expected is how many prefixes the policy's owner expects it to let pass to one
// session; false when not said. Of an import policy only 0 counts: it is meant to
// accept nothing.
func (p RoutingPolicy) Expected(f bgp.Family) (int64, bool) {
	n := p.ExpectIPv4
	if f == bgp.IPv6 {
		n = p.ExpectIPv6
	}
	if n == nil {
		return 0, false
	}
	return *n, true
}
