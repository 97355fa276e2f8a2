package render

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

//go:embed starter/ask.j2
var askTemplate string

// Ask renders the text to a peer: the first line is its subject.
func Ask(ctx context.Context, a peering.Ask) (peering.AskText, error) {
	const name = "ask"
	tmpl, err := environment(peering.Template{TrimBlocks: true, LstripBlocks: true}).Parse(name, askTemplate)
	if err != nil {
		return peering.AskText{}, invalid(name, err)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	text, err := tmpl.Render(limited, askView(a))
	if err != nil {
		return peering.AskText{}, invalid(name, err)
	}
	subject, body, _ := strings.Cut(text, "\n")
	return peering.AskText{ASN: a.Peer.ASN, Contacts: fmt.Sprintf("https://www.peeringdb.com/asn/%d", uint32(a.Peer.ASN)),
		Subject: subject, Body: strings.TrimSpace(body) + "\n"}, nil
}

// askView offers an ask to its template: peer, ours and exchanges.
func askView(a peering.Ask) *jinja.Dict {
	ours, exchanges := jinja.NewList(), jinja.NewList()
	for _, us := range a.Us {
		ours.Items = append(ours.Items, askSide(us))
	}
	for _, x := range a.Exchanges {
		sessions := jinja.NewList()
		for _, s := range x.Sessions {
			sessions.Items = append(sessions.Items, pairs(
				"family", jinja.Str(s.Family.String()), "our_asn", jinja.Int(s.OurASN), "ours", jinja.Str(s.Ours.String()),
				"theirs", jinja.Str(s.Theirs.String()), "password", jinja.Bool(s.Password)))
		}
		exchanges.Items = append(exchanges.Items, pairs("name", jinja.Str(x.Name), "agreed", jinja.Bool(x.Agreed), "sessions", sessions))
	}
	return pairs("peer", askSide(a.Peer), "ours", ours, "exchanges", exchanges)
}

func askSide(s peering.AskSide) *jinja.Dict {
	return pairs("asn", jinja.Int(s.ASN), "name", jinja.Str(s.Name), "irr_as_set", jinja.Str(s.IRRASSet),
		"ipv4", jinja.Int(s.Limits.IPv4), "ipv6", jinja.Int(s.Limits.IPv6), "contact", jinja.Str(s.Contact))
}

// pairs makes a dictionary of names and values in turn.
func pairs(items ...any) *jinja.Dict {
	d := jinja.NewDict(len(items) / 2)
	for i := 0; i < len(items); i += 2 {
		d.SetStr(items[i].(string), items[i+1].(jinja.Value))
	}
	return d
}
