package render

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// whole makes the records of everything that is recorded, linked. Sessions that are only wanted, and those that are gone,
// are among them: mails are about what isn't there yet.
func whole(all peering.Inventory) *Network {
	p := &projection{d: all.Desired, network: &Network{}, byASN: map[bgp.ASN]*AutonomousSystem{}, routers: map[int64]*RouterRecord{}, all: true}
	p.shared()
	of := map[int64]*projection{} // by router
	for _, id := range slices.Sorted(maps.Keys(all.Routers)) {
		one := *p
		one.d = all.Of(all.Routers[id])
		one.router = one.routerRecord()
		of[id] = &one
	}
	p.ports = each(all.Connections, p.connection)
	for _, id := range slices.Sorted(maps.Keys(all.Sessions)) {
		s := all.Sessions[id]
		of[s.RouterID].ports = p.ports
		p.network.Sessions = append(p.network.Sessions, of[s.RouterID].session(s))
	}
	p.fill()
	p.mirrored()
	return p.network.Link()
}

// Export renders an export over all records of its dataset. now is the time that it tells. The error is of kind invalid,
// with template and line, for one that fails.
func Export(ctx context.Context, t peering.Template, all peering.Inventory, now time.Time) (peering.ExportRun, error) {
	network := whole(all)
	records := network.dataset(t.Dataset)
	vars := jinja.NewDict(1)
	vars.SetStr("dataset", records)
	around := library(all.Templates, network.dataset)
	around.now = now
	delete(around.library, kindExportTemplate) // an export includes none: one in itself would never end
	text, err := renderText(around.in(ctx), t, vars, plain)
	return peering.ExportRun{Template: t.Name, Dataset: t.Dataset, Records: len(records.Items()), Text: peering.HideSecrets(text)}, err
}

// dataset are all records of one kind.
func (n *Network) dataset(kind peering.Dataset) *querySet {
	switch kind {
	case "autonomous-systems":
		return rows("AutonomousSystem", n.AutonomousSystems)
	case "exchanges":
		return rows("InternetExchange", n.Exchanges)
	case "bgp-groups":
		return rows("BGPGroup", n.Groups)
	case "connections":
		return rows("Connection", n.Connections)
	case "direct-sessions":
		return rows(directClass, only(n.Sessions, func(s *Session) bool { return s.Direct }))
	case "exchange-sessions":
		return rows(ixpClass, only(n.Sessions, func(s *Session) bool { return !s.Direct }))
	case "routing-policies":
		return rows("RoutingPolicy", n.Policies)
	case "communities":
		return rows("Community", n.Communities)
	}
	return rows("Router", n.Routers)
}

// subjectPart is what errors and findings call a mail's subject.
const subjectPart = "subject"

// Mail renders a mail to a network, by its id, from one of ours: 0 is the first. now is the time that it tells. The error
// is of kind not_found for a network that isn't recorded, and invalid, with template and line, for a mail that fails.
func Mail(ctx context.Context, t peering.Template, all peering.Inventory, to, from int64, now time.Time) (peering.MailPreview, error) {
	network := whole(all)
	vars, err := network.mail(to, from)
	if err != nil {
		return peering.MailPreview{}, err
	}
	around := library(all.Templates, network.dataset)
	around.now = now
	subject := t
	subject.Name, subject.Body = subjectPart, t.Subject
	line, err := renderText(around.in(ctx), subject, vars, plain)
	if err != nil {
		return peering.MailPreview{}, err
	}
	line = strings.TrimSpace(line)
	if strings.ContainsAny(line, "\r\n") {
		return peering.MailPreview{}, peering.Errorf(peering.Invalid, "the subject of template %s comes out in several lines: write it in one", t.Name)
	}
	body, err := renderText(around.in(ctx), t, vars, plain)
	if err != nil {
		return peering.MailPreview{}, err
	}
	known, _ := vars.GetStr("autonomous_system")
	return peering.MailPreview{Template: t.Name, To: strings.Replace(known.(*AutonomousSystem).String(), " - ", " ", 1), Subject: peering.HideSecrets(line), Body: peering.HideSecrets(body)}, nil
}

// mail is what a mail is given: the network with ours, and both in one list, ours first, as the mails take them that Peering
// Manager writes to networks that it doesn't have.
func (n *Network) mail(to, from int64) (*jinja.Dict, error) {
	ours := only(n.AutonomousSystems, func(a *AutonomousSystem) bool { return a.Affiliated })
	peer, us := n.system(to), n.system(cmp.Or(from, firstID(ours)))
	switch {
	case peer == nil:
		return nil, peering.Errorf(peering.NotFound, "there is no autonomous system %d", to)
	case us == nil && from != 0:
		return nil, peering.Errorf(peering.NotFound, "there is no autonomous system %d", from)
	case us == nil:
		return nil, peering.Errorf(peering.Conflict, "no network of ours is recorded, which the mail would come from: record it as local")
	case !us.Affiliated:
		return nil, peering.Errorf(peering.Invalid, "%s is none of our networks, which the mail would come from", us)
	}
	vars := jinja.NewDict(3)
	vars.SetStr("affiliated_autonomous_systems", rows("AutonomousSystem", ours))
	vars.SetStr("autonomous_system", peer)
	vars.SetStr("autonomous_systems", jinja.NewList(us, peer))
	return vars, nil
}

// system is a network by its id; nil when there is none.
func (n *Network) system(id int64) *AutonomousSystem {
	for _, a := range n.AutonomousSystems {
		if a.ID == id {
			return a
		}
	}
	return nil
}

func firstID(list []*AutonomousSystem) int64 {
	if len(list) == 0 {
		return 0
	}
	return list[0].ID
}
