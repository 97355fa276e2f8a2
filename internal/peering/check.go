package peering

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peerflow/internal/bgp"
)

// Complete, on each noun, fills in what may be left out and refuses what can't
// be, in the words of the one who wrote it. It looks at the record alone;
// whatever depends on other records is the database's to refuse.

var slugShape = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// Complete fills defaults and refuses an autonomous system that can't be.
func (a *AutonomousSystem) Complete() error {
	if a.ASN == 0 {
		return Errorf(Invalid, "asn is missing: AS0 is never a network's number (RFC 7607)")
	}
	return firstError(asnAt(onRecord, "asn", a.ASN), oneLine("name", a.Name, longestLine), oneLine("irr_as_set", a.IRRASSet, longestLine), contextObject(&a.Context, "context"), a.Policies.complete(),
		idSet("communities", &a.Communities), tagList(&a.Tags), contextRefs(&a.ConfigContexts), contactRefs(&a.Contacts))
}

// Complete fills defaults and refuses a relationship that can't be.
func (r *Relationship) Complete() error {
	roles := []bgp.Role{"", bgp.RoleProvider, bgp.RoleRS, bgp.RoleRSClient, bgp.RoleCustomer, bgp.RolePeer}
	if !slices.Contains(roles, r.Role) {
		return Errorf(Invalid, "role %q is none of RFC 9234: provider, rs-server, rs-client, customer, peer, or nothing", r.Role)
	}
	return firstError(named(r.Slug, &r.Name), tagList(&r.Tags))
}

// Complete fills defaults and refuses a site that can't be.
func (s *Site) Complete() error { return named(s.Slug, &s.Name) }

// Complete fills defaults and refuses a platform that can't be.
func (p *PlatformRecord) Complete() error {
	return firstError(named(p.Slug, &p.Name), need(p.Driver != "", "driver"))
}

// Complete fills defaults and refuses a template that can't be.
func (t *Template) Complete() error {
	if t.Kind == ExportTemplate {
		if err := choice("dataset", &t.Dataset, Datasets...); err != nil {
			return err
		}
	}
	return firstError(choice("kind", &t.Kind, RouterTemplate, MailTemplate, ExportTemplate), t.fits(), need(t.Name != "", "name"), oneLine("name", t.Name, longestLine),
		choice("mode", &t.Mode, ModeStanza, ModeWhole, ModeMerge),
		choice("engine", &t.Engine, EngineJinja2, EnginePongo2))
}

// fits refuses what another kind of template has.
func (t *Template) fits() error {
	switch {
	case t.Subject != "" && t.Kind != MailTemplate:
		return Errorf(Invalid, "a template of kind %s has no subject: mails have one", t.Kind)
	case t.Dataset != "" && t.Kind != ExportTemplate:
		return Errorf(Invalid, "a template of kind %s has no dataset: exports have one", t.Kind)
	case t.Engine == EnginePongo2 && t.Kind != RouterTemplate:
		return Errorf(Invalid, "a template of kind %s is in jinja2", t.Kind)
	}
	return nil
}

// Complete fills defaults and refuses a router that can't be.
func (r *Router) Complete() error {
	if r.BGPPort == 0 {
		r.BGPPort = 179
	}
	r.ReachedVia = r.ReachedVia.Unmap()
	return firstError(need(r.Name != "", "name"), oneLine("name", r.Name, longestLine), need(r.SiteID != 0, "site_id"), need(r.PlatformID != 0, "platform_id"),
		need(r.LocalASID != 0, "local_as_id"), choice("mode", &r.Mode, Observe, Propose, Manage),
		hostPort(r.Address), within("bgp_port", r.BGPPort, 1, 65535), wholeRef("login", r.Login),
		contextObject(&r.Settings, "settings"), contextObject(&r.Context, "context"), idSet("communities", &r.Communities), tagList(&r.Tags), contextRefs(&r.ConfigContexts))
}

// Complete fills defaults and refuses an exchange that can't be.
func (x *IXP) Complete() error {
	return firstError(named(x.Slug, &x.Name), need(x.LocalASID != 0, "local_as_id"),
		choice("mesh", &x.Mesh, OnePerPeerPort, FullMesh, PairMesh, PrimaryOnly),
		choice("agreement", &x.Agreement, AskFirst, ConfigureThenAsk, ConfiguredByThem),
		contextObject(&x.Context, "context"), x.Policies.complete(), idSet("communities", &x.Communities), tagList(&x.Tags), contextRefs(&x.ConfigContexts), contactRefs(&x.Contacts))
}

// Complete fills defaults and refuses a connection that can't be.
func (c *Connection) Complete() error {
	if !c.IPv4.IsValid() && !c.IPv6.IsValid() {
		return Errorf(Invalid, "a connection needs an IPv4 or an IPv6 address")
	}
	return firstError(need(c.IXPID != 0, "exchange_id"), need(c.RouterID != 0, "router_id"),
		word("interface", c.Interface), oneLine("description", c.Description, longestLine),
		choice("state", &c.State, ConnectionEnabled, ConnectionMaintenance, ConnectionDisabled),
		onLAN(bgp.IPv4, &c.IPv4, &c.IPv4LAN), onLAN(bgp.IPv6, &c.IPv6, &c.IPv6LAN), within("vlan", c.VLAN, 0, 4094), tagList(&c.Tags))
}

// Complete fills defaults and refuses a BGP group that can't be.
func (g *BGPGroup) Complete() error {
	return firstError(named(g.Slug, &g.Name), contextObject(&g.Context, "context"), g.Policies.complete(), idSet("communities", &g.Communities), tagList(&g.Tags), contextRefs(&g.ConfigContexts))
}

// Complete fills defaults and refuses a routing policy that can't be.
func (p *RoutingPolicy) Complete() error {
	if p.Direction == "" {
		return Errorf(Invalid, "direction is missing: import (what we accept) or export (what we announce)")
	}
	for _, n := range []*int64{p.ExpectIPv4, p.ExpectIPv6} {
		if n != nil && *n < 0 {
			return Errorf(Invalid, "an expected number of prefixes is 0 or more, not %d", *n)
		}
	}
	return firstError(named(p.Slug, &p.Name), choice("direction", &p.Direction, Import, Export), contextObject(&p.Context, "context"),
		idSet("communities", &p.Communities), tagList(&p.Tags), contextRefs(&p.ConfigContexts))
}

// Complete fills defaults and refuses a peering that can't be.
func (p *Peering) Complete() error {
	err := firstError(need(p.LocalASID != 0, "local_as_id"), need(p.PeerASID != 0, "peer_as_id"),
		choice("state", &p.State, PeeringNone, RequestedByUs, RequestedByThem, Agreed, Declined, Lapsed, Disputed, Suspended, Ending, Ended, Ignored),
		choice("evidence", &p.Evidence, NoEvidence, OpenPolicy, ByMail, ByTicket, ByAPI, AdoptedOne, PersonSaysSo),
		choice("via", &p.Via, Bilateral, RouteServer, BothWays))
	switch {
	case err != nil:
		return err
	case p.LocalASID == p.PeerASID:
		return Errorf(Invalid, "a network doesn't peer with itself")
	case p.State == Agreed && p.Evidence == NoEvidence:
		return Errorf(Invalid, "an agreed peering needs its evidence: a mail, a ticket, an open policy, or who says so")
	}
	return nil
}

// Follows refuses a step between two states of one peering that agreement can't take.
func (p *Peering) Follows(_ Actor, before *Peering) error {
	if p.State == before.State {
		return nil
	}
	return before.State.To(p.State)
}

// Complete fills defaults and refuses a session that can't be.
func (s *Session) Complete() error {
	if s.Kind == "" {
		s.Kind = DirectSession
		if s.ConnectionID != 0 {
			s.Kind = IXPSession
		}
	}
	if !s.HeldByHand {
		s.HeldReason = ""
	}
	return firstError(need(s.PeeringID != 0, "peering_id"), need(s.RouterID != 0, "router_id"), need(s.PeerAS != 0, "peer_asn"),
		choice("kind", &s.Kind, DirectSession, IXPSession),
		choice("intent", &s.Intent, Present, Absent, Draining, Shutdown, Removing),
		choice("sync", &s.Sync, NotDeployed, SyncUnknown, Deploying, InSync, Drifted, Reverted, SyncInterfered, SyncRemoving, ProvenAbsent),
		s.place(), s.addresses(), s.timers(), plainText("service_reference", s.ServiceReference, longestLine),
		word("vrf", s.VRF), word("interface", s.Interface), oneLine("description", s.Description, longestLine),
		wholeRef("password", s.Password), contextObject(&s.Context, "context"), s.Policies.complete(), idSet("communities", &s.Communities), tagList(&s.Tags), contextRefs(&s.ConfigContexts))
}

// place checks that a session runs either at an exchange or on a link of its own.
func (s *Session) place() error {
	switch {
	case s.Kind == IXPSession && s.ConnectionID == 0:
		return Errorf(Invalid, "a session at an exchange needs our connection there: connection_id")
	case s.Kind == IXPSession && s.GroupID != 0:
		return Errorf(Invalid, "a session at an exchange has no BGP group: groups are for direct sessions")
	case s.Kind == DirectSession && s.ConnectionID != 0:
		return Errorf(Invalid, "a direct session has no connection")
	}
	return nil
}

func (s *Session) addresses() error {
	s.PeerAddress, s.LocalAddress = s.PeerAddress.Unmap(), s.LocalAddress.Unmap()
	switch {
	case !s.PeerAddress.IsValid():
		return Errorf(Invalid, "peer_address is missing")
	case s.PeerAddress.Zone() != "":
		return Errorf(Invalid, "peer_address %s has a zone: name the interface in its own field", s.PeerAddress)
	case s.PeerAddress.IsUnspecified() || s.PeerAddress.IsMulticast():
		return Errorf(Invalid, "peer_address %s is no host's address", s.PeerAddress)
	case s.Interface != "" && !s.PeerAddress.IsLinkLocalUnicast():
		return Errorf(Invalid, "an interface belongs to link-local peers (fe80::/10) alone; %s isn't one", s.PeerAddress)
	case s.PeerAddress == s.LocalAddress:
		return Errorf(Invalid, "peer_address and local_address are both %s", s.PeerAddress)
	}
	if len(s.Families) == 0 {
		s.Families = []bgp.Family{bgp.FamilyOf(s.PeerAddress)}
	}
	slices.Sort(s.Families)
	s.Families = slices.Compact(s.Families)
	return nil
}

func (s *Session) timers() error {
	if h := s.HoldTime; h != nil && *h != 0 && (*h < 3 || *h > 65535) {
		return Errorf(Invalid, "a hold time is 0 or 3 to 65535 seconds (RFC 4271 §4.2), not %d", *h)
	}
	return within("multihop", s.Multihop, 0, 255)
}

// Follows refuses a step between two states of one session: an intent that
// can't come next, and lifting by automation what somebody shut down by hand.
func (s *Session) Follows(by Actor, before *Session) error {
	opened := s.Intent != before.Intent && s.Intent != Shutdown && s.Intent != Removing
	if before.HeldByHand && (!s.HeldByHand || opened) && by.Kind != ActorUser {
		return Errorf(Denied, "session %d was shut down on the router, by hand or by the export guard: only a person lifts that", before.ID)
	}
	if s.Intent == before.Intent {
		return nil
	}
	return before.Intent.To(s.Intent)
}

func (p *Policies) complete() error {
	for _, list := range []*[]int64{&p.Import, &p.Export} {
		*list = orNone(*list)
		for i, id := range *list {
			if slices.Contains((*list)[:i], id) {
				return Errorf(Invalid, "routing policy %d stands twice in one list", id)
			}
		}
	}
	return nil
}

// firstError is the first of several findings.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func need(there bool, field string) error {
	if there {
		return nil
	}
	return Errorf(Invalid, "%s is missing", field)
}

func named(slug string, name *string) error {
	if *name == "" {
		*name = slug
	}
	return firstError(shaped("slug", slug), oneLine("name", *name, longestLine))
}

func shaped(field, slug string) error {
	if slugShape.MatchString(slug) {
		return nil
	}
	return Errorf(Invalid, "%s %q: lower-case letters, digits and dashes, starting with a letter or digit", field, slug)
}

// choice takes the first of the words when nothing was said, and refuses others.
func choice[S ~string](field string, value *S, words ...S) error {
	if *value == "" {
		*value = words[0]
	}
	if slices.Contains(words, *value) {
		return nil
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return Errorf(Invalid, "%s %q: give one of %s", field, *value, strings.Join(texts, ", "))
}

func within(field string, n, least, most int) error {
	if n >= least && n <= most {
		return nil
	}
	return Errorf(Invalid, "%s %d: give %d to %d", field, n, least, most)
}

// wholeRef refuses half a reference: the database's foreign key would let it pass.
func wholeRef(field string, r SecretRef) error {
	if (r.ID == 0) == (r.Version == 0) {
		return nil
	}
	return Errorf(Invalid, "%s: a secret is named by id and version together", field)
}

func hostPort(address string) error {
	i := strings.LastIndexByte(address, ':')
	if i <= 0 {
		return Errorf(Invalid, "address %q: give host:port of the management port", address)
	}
	if port, err := strconv.ParseUint(address[i+1:], 10, 16); err != nil || port == 0 {
		return Errorf(Invalid, "address %q: a port is 1 to 65535", address)
	}
	return nil
}

// onLAN holds our address to the peering LAN that it is said to be on.
func onLAN(f bgp.Family, addr *netip.Addr, lan *netip.Prefix) error {
	*addr, *lan = addr.Unmap(), lan.Masked()
	switch {
	case !addr.IsValid() && !lan.IsValid():
		return nil
	case !addr.IsValid() || !lan.IsValid():
		return Errorf(Invalid, "%s: our address and its peering LAN belong together, give both or neither", f)
	case bgp.FamilyOf(*addr) != f:
		return Errorf(Invalid, "%s is no %s address", addr, f)
	case !lan.Contains(*addr) || lan.IsSingleIP():
		return Errorf(Invalid, "%s doesn't lie in its peering LAN %s", addr, lan)
	}
	return nil
}

// contextObject makes free data a JSON object with its keys in the order in which they are kept, or refuses it.
func contextObject(c *Context, field string) error {
	if len(*c) == 0 || string(*c) == "null" {
		*c = Context("{}")
		return nil
	}
	var object map[string]any
	reader := json.NewDecoder(bytes.NewReader(*c))
	reader.UseNumber()
	if err := reader.Decode(&object); err != nil || !json.Valid(*c) {
		return Errorf(Invalid, "%s has to be a JSON object", field)
	}
	// Its texts, without the escapes that JSON allows in them. No other brace stands before a letter there.
	if plain, err := json.Marshal(object); err != nil || secretSpelt.Match(plain) {
		return Errorf(Invalid, "%s holds \"{secret:\", which stands for passwords in configurations: leave the brace out", field)
	}
	ordered, err := asStored(*c)
	if err != nil {
		return Errorf(Invalid, "%s: %w", field, err)
	}
	*c = ordered
	return nil
}

// orNone makes JSON say [] where there is nothing.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
