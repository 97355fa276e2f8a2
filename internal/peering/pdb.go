package peering

import (
	"fmt"
	"net/netip"
	"time"

	"peerflow/internal/bgp"
)

// PDBType is an object type of PeeringDB, named as in its API.
type PDBType string

const (
	PDBOrgs              PDBType = "org"
	PDBFacilities        PDBType = "fac"
	PDBNetworks          PDBType = "net"
	PDBExchanges         PDBType = "ix"
	PDBLANs              PDBType = "ixlan"
	PDBPrefixes          PDBType = "ixpfx"
	PDBPorts             PDBType = "netixlan"
	PDBNetworkFacilities PDBType = "netfac"
	PDBContacts          PDBType = "poc"
)

// Plans tells whether plans are made from this type. The others are for templates
// alone: facilities, and whom to write to.
func (t PDBType) Plans() bool {
	return t != PDBFacilities && t != PDBNetworkFacilities && t != PDBContacts
}

// PDBWaits stands in a type's place while a sync waits for another one to end.
const PDBWaits PDBType = "waiting"

// PDBTypes are the mirrored types, parents before children: the order in which
// they are fetched and merged.
var PDBTypes = []PDBType{PDBOrgs, PDBNetworks, PDBExchanges, PDBLANs, PDBPrefixes, PDBPorts, PDBFacilities, PDBNetworkFacilities, PDBContacts}

// What a row's status says. PeeringDB sends the first two (and "pending", which
// is kept like ok); PDBUnreadable is set by our reader on a row it could not
// use, so that a full load does not take the row's absence for a deletion.
const (
	PDBOK         = "ok"
	PDBDeleted    = "deleted"
	PDBUnreadable = "unreadable"
)

// PDBHead is what every PeeringDB object carries. The json tags of this and the
// following types are the field names of PeeringDB's API version 2.
type PDBHead struct {
	ID      int64     `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"` // whole seconds; does not move when only a computed field changes
}

// Head gives access to the common part of a row of any type.
func (h *PDBHead) Head() *PDBHead { return h }

// PDBRow is one object of any mirrored type: a pointer to one of the structs below.
type PDBRow interface {
	Head() *PDBHead
	PDBType() PDBType
}

// PDBOrganization owns networks and exchanges. Names are not unique.
type PDBOrganization struct {
	PDBHead
	Name     string `json:"name"`
	AKA      string `json:"aka"`
	NameLong string `json:"name_long"`
	Website  string `json:"website"`
	City     string `json:"city"`
	Country  string `json:"country"` // ISO 3166-1 alpha-2, may be empty
}

// PDBFacility is a building with networks and exchanges in it.
type PDBFacility struct {
	PDBHead
	OrgID    int64  `json:"org_id"`
	Name     string `json:"name"`
	AKA      string `json:"aka"`
	NameLong string `json:"name_long"`
	Website  string `json:"website"`
	Address1 string `json:"address1"`
	Address2 string `json:"address2"`
	City     string `json:"city"`
	State    string `json:"state"`
	Zipcode  string `json:"zipcode"`
	Country  string `json:"country"`
}

// PDBNetwork is an autonomous system as its operator describes it.
type PDBNetwork struct {
	PDBHead
	OrgID        int64   `json:"org_id"`
	ASN          bgp.ASN `json:"asn"`
	Name         string  `json:"name"`
	AKA          string  `json:"aka"`
	NameLong     string  `json:"name_long"`
	Website      string  `json:"website"`
	LookingGlass string  `json:"looking_glass"`
	RouteServer  string  `json:"route_server"`
	IRRASSet     string  `json:"irr_as_set"` // as typed: may hold a source, several sets, or nothing
	InfoType     string  `json:"info_type"`
	// InfoPrefixes4 and InfoPrefixes6 are the operator's own figure for a peer's
	// prefix limit; 0 (and null, read as 0) means not said.
	InfoPrefixes4            int64  `json:"info_prefixes4"`
	InfoPrefixes6            int64  `json:"info_prefixes6"`
	InfoTraffic              string `json:"info_traffic"`
	InfoRatio                string `json:"info_ratio"`
	InfoScope                string `json:"info_scope"`
	InfoUnicast              bool   `json:"info_unicast"`
	InfoMulticast            bool   `json:"info_multicast"`
	InfoIPv6                 bool   `json:"info_ipv6"`
	InfoNeverViaRouteServers bool   `json:"info_never_via_route_servers"`
	PolicyURL                string `json:"policy_url"`
	PolicyGeneral            string `json:"policy_general"` // Open, Selective, Restrictive, No or empty
	PolicyLocations          string `json:"policy_locations"`
	PolicyRatio              bool   `json:"policy_ratio"`
	PolicyContracts          string `json:"policy_contracts"`
	Notes                    string `json:"notes"`
}

// PDBExchange is an Internet exchange. Its peering LAN is a PDBLAN.
type PDBExchange struct {
	PDBHead
	OrgID           int64  `json:"org_id"`
	Name            string `json:"name"`
	AKA             string `json:"aka"`
	NameLong        string `json:"name_long"`
	City            string `json:"city"`
	Country         string `json:"country"`
	RegionContinent string `json:"region_continent"`
	Media           string `json:"media"`
	Website         string `json:"website"`
	URLStats        string `json:"url_stats"`
}

// PDBLAN is the peering LAN of an exchange. In practice its id is the exchange's.
type PDBLAN struct {
	PDBHead
	IXID  int64   `json:"ix_id"`
	Name  string  `json:"name"`
	MTU   int64   `json:"mtu"` // bytes; 0 = not said
	Dot1Q bool    `json:"dot1q_support"`
	RSASN bgp.ASN `json:"rs_asn"` // of the route servers; 0 = not said
}

// PDBPrefix is one prefix of a peering LAN.
type PDBPrefix struct {
	PDBHead
	LANID    int64        `json:"ixlan_id"`
	Protocol string       `json:"protocol"` // IPv4 or IPv6
	Prefix   netip.Prefix `json:"prefix"`
	InDFZ    bool         `json:"in_dfz"`
}

// PDBPort is a network's port at an exchange (netixlan). Its id stays while its
// addresses, speed or AS number change.
type PDBPort struct {
	PDBHead
	NetID       int64      `json:"net_id"`
	LANID       int64      `json:"ixlan_id"`
	ASN         bgp.ASN    `json:"asn"`
	IPv4        netip.Addr `json:"ipaddr4"` // zero = none
	IPv6        netip.Addr `json:"ipaddr6"` // zero = none
	Speed       int64      `json:"speed"`   // Mbit/s; 0 = not said
	RSPeer      bool       `json:"is_rs_peer"`
	BFD         bool       `json:"bfd_support"`
	Operational bool       `json:"operational"`
	Notes       string     `json:"notes"`
	NetSideID   int64      `json:"net_side_id"` // facility of the network's equipment; 0 = not said
	IXSideID    int64      `json:"ix_side_id"`  // facility of the exchange's; 0 = not said
}

// PDBNetworkFacility is a network's presence in a facility (netfac). A network may be in
// one more than once, by another number each.
type PDBNetworkFacility struct {
	PDBHead
	NetID      int64   `json:"net_id"`
	FacilityID int64   `json:"fac_id"`
	LocalASN   bgp.ASN `json:"local_asn"`
}

// PDBContact is a network's contact (poc). Those that a network shows to users
// alone come with an API key only.
type PDBContact struct {
	PDBHead
	NetID   int64  `json:"net_id"`
	Role    string `json:"role"`    // Abuse, Maintenance, NOC, Policy, Public Relations, Sales or Technical
	Visible string `json:"visible"` // Public, Users or Private
	Name    string `json:"name"`
	Phone   string `json:"phone"`
	Email   string `json:"email"`
	URL     string `json:"url"`
}

func (*PDBOrganization) PDBType() PDBType    { return PDBOrgs }
func (*PDBFacility) PDBType() PDBType        { return PDBFacilities }
func (*PDBNetwork) PDBType() PDBType         { return PDBNetworks }
func (*PDBExchange) PDBType() PDBType        { return PDBExchanges }
func (*PDBLAN) PDBType() PDBType             { return PDBLANs }
func (*PDBPrefix) PDBType() PDBType          { return PDBPrefixes }
func (*PDBPort) PDBType() PDBType            { return PDBPorts }
func (*PDBNetworkFacility) PDBType() PDBType { return PDBNetworkFacilities }
func (*PDBContact) PDBType() PDBType         { return PDBContacts }

// PDBObjects is the part of the mirror that one router's templates may ask for: its networks with all their ports, the
// LANs of its exchanges with all ports there, and whatever those belong to. Each list is in the order of ids.
type PDBObjects struct {
	Organizations     []PDBOrganization
	Facilities        []PDBFacility
	Networks          []PDBNetwork
	Exchanges         []PDBExchange
	LANs              []PDBLAN
	Prefixes          []PDBPrefix
	Ports             []PDBPort
	NetworkFacilities []PDBNetworkFacility
	Contacts          []PDBContact
}

// PDBVenue is a peering LAN with what planning asks of it: the exchange's name
// and its prefixes, ordered. Name is empty when PeeringDB has the LAN (or the
// port) but not the exchange above it.
type PDBVenue struct {
	LANID    int64
	IXID     int64
	Name     string
	City     string
	Country  string
	MTU      int64
	RSASN    bgp.ASN
	Prefixes []netip.Prefix
}

// Prefix is the LAN's prefix that holds addr. Not every address of PeeringDB
// lies in a prefix of its own LAN: then ok is false.
func (v PDBVenue) Prefix(addr netip.Addr) (lanPrefix netip.Prefix, ok bool) {
	for _, p := range v.Prefixes {
		if p.Contains(addr) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// PDBPresence is a port of a network together with the LAN it is on.
type PDBPresence struct {
	PDBPort
	Venue PDBVenue
}

// PDBLoad says what a stream of rows is, to the store that merges it.
type PDBLoad struct {
	Type  PDBType
	Run   int64 // the run that gets the counts
	Full  bool  // the stream is the whole type: rows it lacks have vanished
	Force bool  // let many rows vanish; an empty answer is refused all the same
	At    time.Time
}

// PDBCounts is what merging one type did.
type PDBCounts struct {
	Type       PDBType   `json:"type"`
	Full       bool      `json:"full"`
	Received   int64     `json:"received"`
	Unreadable int64     `json:"unreadable,omitempty"`
	Inserted   int64     `json:"inserted"`
	Updated    int64     `json:"updated"`
	Deleted    int64     `json:"deleted"`           // tombstones, and rows that vanished from a full answer
	Held       int64     `json:"held"`              // rows in the mirror afterwards
	Orphans    int64     `json:"orphans,omitempty"` // of them, rows whose parent the mirror lacks
	Cursor     time.Time `json:"cursor"`            // newest update seen: where the next delta starts
	// Behind tells that a full answer was older than the deltas merged before it
	// (PeeringDB serves full answers from a cache): a delta from Cursor must follow.
	Behind bool `json:"behind,omitempty"`
}

// PDBRun is one pass over the types. An interrupted run is taken up again, and
// Done are the types it need not fetch a second time.
type PDBRun struct {
	ID        int64
	Full      bool
	StartedAt time.Time
	Done      map[PDBType]PDBCounts
}

// PDBRunEnd closes a run in which nothing failed, and leaves another open: to be
// taken up where it stopped.
type PDBRunEnd struct {
	Run    int64
	At     time.Time
	Failed map[PDBType]string // why a type failed
}

// PDBTypeState is how far the mirror of one type has come.
type PDBTypeState struct {
	Type     PDBType
	Cursor   time.Time // zero = never loaded
	LastFull time.Time
	LastRun  time.Time // last success, full or delta
	Rows     int64
	Error    string // of the last attempt; empty when it succeeded
}

// PDBFreshness tells how old the mirror's view is. Planning shows it, and goes on
// with an old view when PeeringDB is out of reach.
type PDBFreshness struct {
	Types       []PDBTypeState // one per mirrored type, in the order of PDBTypes
	RefreshedAt time.Time      // last refresh of the one network asked for; zero = never, or none asked for
	FailedAt    time.Time      // of the one network, a refresh that failed since; zero = none did
	Failure     string         // why it failed
}

// PDBFreshFor is how old a view of PeeringDB may be before plans mark it. The
// mirror is synced every six hours, so that a few misses go unmarked.
const PDBFreshFor = 24 * time.Hour

// StaleView marks what was planned from an old view of PeeringDB.
type StaleView struct {
	ASN  bgp.ASN   `json:"asn"`
	AsOf time.Time `json:"as_of,omitzero" doc:"when the data was fetched; absent: it never was"`
	Why  string    `json:"why" doc:"why there is nothing newer"`
}

// String is the mark for people.
func (v StaleView) String() string {
	since := "was never fetched"
	if !v.AsOf.IsZero() {
		since = "is from " + v.AsOf.UTC().Format("2006-01-02 15:04 MST")
	}
	return fmt.Sprintf("PeeringDB's data on %s %s: %s", v.ASN, since, v.Why)
}

// StaleView marks a view of one network that is older than PDBFreshFor, or that
// the last lookup couldn't renew; nil when it is fresh.
func (f PDBFreshness) StaleView(asn bgp.ASN, now time.Time) *StaleView {
	v := StaleView{ASN: asn, AsOf: f.AsOf()}
	if f.FailedAt.After(v.AsOf) {
		v.Why = "PeeringDB couldn't be asked since (" + f.Failure + ")"
		return &v
	}
	if !f.Stale(now, PDBFreshFor) {
		return nil
	}
	v.Why = "no sync of the mirror ended since"
	for _, t := range f.Types {
		if t.Error != "" && t.Type.Plans() {
			v.Why = "the sync of the mirror fails (" + Clip(t.Error, mostWhy) + ")"
			break
		}
	}
	return &v
}

// mostWhy is as much of a failure's text as a line for people holds (bytes).
const mostWhy = 200

// AsOf is the time of the view that plans are made from: the oldest of its types'
// last runs, or the network's own refresh when that is later. Zero means that one
// of them was never loaded.
func (f PDBFreshness) AsOf() time.Time {
	var oldest time.Time
	first := true
	for _, t := range f.Types {
		if t.Type.Plans() && (first || t.LastRun.Before(oldest)) {
			oldest, first = t.LastRun, false
		}
	}
	if f.RefreshedAt.After(oldest) {
		return f.RefreshedAt
	}
	return oldest
}

// Stale reports a view that is older than limit, or no view at all.
func (f PDBFreshness) Stale(now time.Time, limit time.Duration) bool {
	at := f.AsOf()
	return at.IsZero() || now.Sub(at) > limit
}

// PDBVanishError refuses a full answer because too many known rows are missing
// from it. Nothing was changed.
type PDBVanishError struct {
	Type      PDBType
	Held      int64
	Received  int64
	Vanishing int64
}

func (e *PDBVanishError) Error() string {
	if e.Received == 0 {
		return fmt.Sprintf("peeringdb %s: the answer is empty and the mirror holds %d rows: refused", e.Type, e.Held)
	}
	return fmt.Sprintf("peeringdb %s: %d of %d rows would vanish: refused (force it after a look at %s)",
		e.Type, e.Vanishing, e.Held, "www.peeringdb.com/api/"+string(e.Type))
}

// Unwrap makes the refusal a conflict: trying again does not help.
func (e *PDBVanishError) Unwrap() error { return KindError(Conflict) }
