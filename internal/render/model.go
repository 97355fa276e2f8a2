package render

import (
	"net/netip"
	"time"

	"peerflow/internal/jinja"
)

// Network is everything that templates may see, as records that hold one another. Its nouns and its fields are Peering
// Manager's, because its users' templates name them; what is ours stands beside them. Link it before use.
type Network struct {
	AutonomousSystems []*AutonomousSystem
	Groups            []*BGPGroup
	Exchanges         []*InternetExchange
	Connections       []*Connection
	Sessions          []*Session
	Policies          []*RoutingPolicy
	Communities       []*Community
	Routers           []*RouterRecord
	PeeringDB         PeeringDB
}

// AutonomousSystem is a network: a peer's, or one of ours when Affiliated.
type AutonomousSystem struct {
	Record
	ASN                              int64
	Name                             string
	IRRASSet                         *string                // nil prints as None
	IPv4MaxPrefixes, IPv6MaxPrefixes *int64                 // nil prints as None; 0 is no limit
	Limit                            func(family int) int64 // instead of the two above, for what is worked out when asked for
	Affiliated                       bool
	Private                          bool // a number that PeeringDB can't know
	Prefixes                         Data // of its AS-SET, by family: {"ipv6": [{"prefix": …, "exact": …}], "ipv4": […]}
	ASList                           []int64
	Unresolved                       bool   // nobody asks for its prefixes
	IRRSources                       string // instead of the common ones
	IRRArgs4, IRRArgs6               string
	Contacts                         []*ContactAssignment
	Applied

	net      *Network
	unlisted bool       // Prefixes and ASList weren't loaded, since no template in use names what asks for them
	direct   []*Session // in the order of the database
	ixp      []*Session
	asList   *jinja.List
}

// Applied are the policies and communities of a record.
type Applied struct {
	Import, Export []*RoutingPolicy // in any order
	Communities    []*Community
}

// Group is what BGP groups and exchanges have in common.
type Group struct {
	Record
	Name, Slug string
	Status     string // enabled, pre-maintenance, maintenance, post-maintenance or disabled
	Applied

	net *Network
}

// BGPGroup gathers direct sessions.
type BGPGroup struct {
	Group
	sessions []*Session
}

// InternetExchange is an exchange that one of our networks is at.
type InternetExchange struct {
	Group
	LAN      *IXLan
	Local    *AutonomousSystem
	Contacts []*ContactAssignment

	connections []*Connection
	sessions    []*Session
}

// Connection is our port at an exchange, or a link.
type Connection struct {
	Record
	NetIXLan  *NetworkIXLan
	Status    string // as a Group's
	VLAN      int    // 0: none
	MAC       string
	IPv4      netip.Prefix // with the length of the LAN
	IPv6      netip.Prefix
	Exchange  *InternetExchange
	Router    *RouterRecord
	Interface string

	sessions []*Session
}

// Session is a BGP session, direct or over an exchange.
type Session struct {
	Record
	Direct       bool
	Service      string // reference; "" prints as None
	AS           *AutonomousSystem
	Local        *AutonomousSystem // direct sessions
	Address      netip.Prefix      // of the peer; the length counts for direct sessions only
	LocalAddress netip.Prefix      // direct sessions
	Status       string            // requested, provisioning, enabled, pre-maintenance, maintenance, post-maintenance, disabled, decommissioning or decommissioned
	Password     jinja.Value       // a secret, or None
	Encrypted    jinja.Value       // the same as the platform writes it, or None
	MultihopTTL  int               // 1: a single hop
	Passive      bool
	Group        *BGPGroup     // direct sessions
	Relationship *Relationship // nil prints as None
	Router       *RouterRecord // direct sessions
	Connection   *Connection
	RouteServer  bool // sessions over an exchange
	BFD          *BFD
	Observed     Observed
	Applied
	Ours *Ours // what peerflow records beyond Peering Manager; nil for what comes from elsewhere

	net *Network
}

// Observed is what BGP does. A router's template never sees it: the zero value is what it gets.
type Observed struct {
	State                          string // "" prints as None
	Received, Accepted, Advertised int64
	LastEstablished                time.Time
}

// RoutingPolicy is an import or export policy.
type RoutingPolicy struct {
	Record
	Name, Slug  string
	Type        string // export-policy, import-policy or import-export-policy
	Weight      int    // more comes first
	Family      int    // 4, 6, or 0 for both
	Communities []*Community
}

// Community is a BGP community.
type Community struct {
	Record
	Name, Slug string
	Value      string
	Type       string // egress, ingress or "", which prints as None
}

// Relationship is the class of a session.
type Relationship struct {
	Record
	Name, Slug string
	Color      string
}

// BFD are the timers of bidirectional forwarding detection, in milliseconds.
type BFD struct {
	Record
	Name, Slug                                  string
	MinimumTransmit, MinimumReceive, Multiplier int64
	HoldTime                                    int64
}

// RouterRecord is one of our routers.
type RouterRecord struct {
	Record
	Local          *AutonomousSystem
	Name, Hostname string
	Platform       *Platform
	Status         string // as a Group's
	Encrypts       bool   // passwords are written as the platform ciphers them
	Communities    []*Community
	NetBoxID       int64
	Args           Data
	Polls          bool
	Polled         time.Time
	Template       *Configuration
	Port           int  // of BGP, usually 179
	Lab            bool // loopback only

	net         *Network
	connections []*Connection
	direct      []*Session
	ixp         []*Session
}

// Configuration is the template of a router.
type Configuration struct {
	Record
	Name, Body string
}

// Platform is a router operating system.
type Platform struct {
	Record
	Name, Slug        string
	Driver            string
	Args              Data
	PasswordAlgorithm string // arista-type7, cisco-type7, juniper-type9 or ""
}

// Tag marks records.
type Tag struct {
	Record
	Name, Slug string
	Color      string
}

// Contact is a person or a desk.
type Contact struct {
	Record
	Name, Title, Phone, Email, Address string
}

// ContactRole is what a contact is there for.
type ContactRole struct {
	Record
	Name, Slug string
}

// ContactAssignment makes a contact somebody's.
type ContactAssignment struct {
	Record
	Contact *Contact
	Role    *ContactRole
}
