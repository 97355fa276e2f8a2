package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// IRRLists keeps what IRRs say of networks. Nothing here asks one.
type IRRLists interface {
	IRRLists(ctx context.Context, asID int64) (peering.IRRLists, error)
	// PutIRRLists replaces lists; one with entries is emptied only where mayEmpty says so.
	PutIRRLists(ctx context.Context, by peering.Actor, asID int64, lists []peering.IRRList, mayEmpty bool) error
}

// largestList is room for the longest lists of a network (bytes).
const largestList = 96 << 20

// Fetched says where a list comes from.
type Fetched struct {
	Source    string    `json:"source,omitempty" maxLength:"500" example:"bgpq4 -S RPKI,RIPE -A AS-EXAMPLE" doc:"what was asked, in your words"`
	FetchedAt time.Time `json:"fetched_at,omitzero" doc:"when that was; now when left out. A list that was fetched before the recorded one is refused (409)"`
}

// Prefixes are a network's prefix lists, as bgpq3 and bgpq4 write them in JSON.
type Prefixes struct {
	IPv6 *[]peering.PrefixEntry `json:"ipv6,omitempty" doc:"left out: stays as it is"`
	IPv4 *[]peering.PrefixEntry `json:"ipv4,omitempty" doc:"left out: stays as it is"`
}

// ASList are the AS numbers in a network's AS-SET.
type ASList struct {
	ASList []bgp.ASN `json:"as_list"`
}

// Lists are what is recorded of a network's lists.
type Lists map[peering.IRRKind]peering.IRRListView

// PrefixesView are prefix lists, with what is recorded of them.
type PrefixesView struct {
	Prefixes
	Lists Lists `json:"lists" doc:"where each comes from; a list that was never recorded isn't among them"`
}

// ASListView is an AS list, with what is recorded of it.
type ASListView struct {
	ASList
	Lists Lists `json:"lists" doc:"where it comes from; empty when it was never recorded"`
}

// Emptying is the input of operations that replace a list.
type Emptying struct {
	ByID
	AllowEmpty bool `query:"allow_empty" doc:"a list that has entries may become empty; refused (409) otherwise, as a registry that fails gives nothing, too"`
}

type prefixesInput struct {
	Emptying
	Raw
}

type prefixesBody struct {
	Prefixes
	Fetched
}

type asListBody struct {
	ASList
	Fetched
}

func (s *server) registerIRR() {
	about := "What the IRR says of a network, as its router's templates see it. peerflow asks no registry: whoever runs bgpq3 or bgpq4 records the answer here. " +
		"An edit is pending on the routers with sessions of the network until a change carries it; the change log has the counts."
	path := "/api/v1/autonomous-systems/{id}"
	add(s, operation{method: http.MethodGet, path: path + "/prefixes", role: peering.Viewer, tag: "autonomous systems", summary: "Show the prefix lists of a network",
		description: about}, func(ctx context.Context, in *ByID) (*answer[PrefixesView], error) {
		lists, err := s.IRR.IRRLists(ctx, in.ID)
		v6, v4 := peering.PrefixList(lists[peering.IRRPrefixes6].Entries).Rows(), peering.PrefixList(lists[peering.IRRPrefixes4].Entries).Rows()
		return say(PrefixesView{Prefixes{&v6, &v4}, views(lists, peering.IRRPrefixes4, peering.IRRPrefixes6)}, err)
	})
	add(s, operation{method: http.MethodPut, path: path + "/prefixes", role: peering.Operator, tag: "autonomous systems", summary: "Record the prefix lists of a network",
		body: prefixesBody{}, largest: largestList,
		description: about + " Entries are those of bgpq's JSON: prefixes without host bits, of their list's family, each exact or with lengths in range; at most 500,000 a family. " +
			"Kept sorted, each once. A family that is left out stays as it is."},
		func(ctx context.Context, in *prefixesInput) (*answer[Lists], error) {
			body, err := decode[prefixesBody](in.RawBody)
			if err != nil {
				return nil, err
			}
			lists, err := body.lists()
			if err != nil {
				return nil, err
			}
			return s.putLists(ctx, in.Emptying, body.Fetched, lists)
		})
	add(s, operation{method: http.MethodGet, path: path + "/as-list", role: peering.Viewer, tag: "autonomous systems", summary: "Show the AS list of a network",
		description: about}, func(ctx context.Context, in *ByID) (*answer[ASListView], error) {
		lists, err := s.IRR.IRRLists(ctx, in.ID)
		return say(ASListView{ASList{lists[peering.IRRNumbers].Numbers()}, views(lists, peering.IRRNumbers)}, err)
	})
	add(s, operation{method: http.MethodPut, path: path + "/as-list", role: peering.Operator, tag: "autonomous systems", summary: "Record the AS list of a network",
		body: asListBody{}, description: about + " AS numbers, at most 100,000; kept sorted, each once."},
		func(ctx context.Context, in *prefixesInput) (*answer[Lists], error) {
			body, err := decode[asListBody](in.RawBody)
			switch {
			case err != nil:
				return nil, err
			case body.ASList.ASList == nil:
				return nil, peering.NewError(peering.Invalid, "the body has no as_list: an empty one is []")
			}
			text, count, err := peering.NewASList(body.ASList.ASList)
			if err != nil {
				return nil, err
			}
			return s.putLists(ctx, in.Emptying, body.Fetched, []peering.IRRList{{Kind: peering.IRRNumbers, Entries: text, Count: count}})
		})
}

// lists are the lists that a body names.
func (p Prefixes) lists() (lists []peering.IRRList, err error) {
	for kind, entries := range map[peering.IRRKind]*[]peering.PrefixEntry{peering.IRRPrefixes4: p.IPv4, peering.IRRPrefixes6: p.IPv6} {
		if entries == nil {
			continue
		}
		family := bgp.IPv4
		if kind == peering.IRRPrefixes6 {
			family = bgp.IPv6
		}
		text, count, err := peering.NewPrefixList(family, *entries)
		if err != nil {
			return nil, err
		}
		lists = append(lists, peering.IRRList{Kind: kind, Entries: string(text), Count: count})
	}
	if len(lists) == 0 {
		return nil, peering.NewError(peering.Invalid, "the body has neither ipv4 nor ipv6: an empty list is []")
	}
	return lists, nil
}

func (s *server) putLists(ctx context.Context, in Emptying, from Fetched, lists []peering.IRRList) (*answer[Lists], error) {
	if from.FetchedAt.IsZero() {
		from.FetchedAt = time.Now()
	}
	for i := range lists {
		lists[i].Source, lists[i].FetchedAt = from.Source, from.FetchedAt.UTC()
	}
	if err := s.IRR.PutIRRLists(ctx, ActorOf(ctx), in.ID, lists, in.AllowEmpty); err != nil {
		return nil, err
	}
	recorded, err := s.IRR.IRRLists(ctx, in.ID)
	return say(views(recorded, peering.IRRPrefixes4, peering.IRRPrefixes6, peering.IRRNumbers), err)
}

// views are lists without their entries, of some kinds.
func views(lists peering.IRRLists, kinds ...peering.IRRKind) Lists {
	out := Lists{}
	for kind, l := range lists {
		if slices.Contains(kinds, kind) {
			out[kind] = l.View()
		}
	}
	return out
}
