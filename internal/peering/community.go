package peering

import (
	"slices"

	"peerflow/internal/bgp"
)

// Community is a BGP community that templates set or match.
type Community struct {
	Meta
	Slug        string        `json:"slug"`
	Name        string        `json:"name" doc:"at most 100 characters; the slug when left out"`
	Value       string        `json:"value" example:"64500:1" doc:"standard (64500:1), large (64500:1:2), extended (target:64500:1, rt:192.0.2.1:1) or a well-known name such as no-export; at most 50 characters"`
	Type        CommunityType `json:"type" enum:",ingress,egress" doc:"on routes that come in or go out; empty: not said"`
	Description string        `json:"description" doc:"at most 200 characters"`
	Tags        []int64       `json:"tags" doc:"ids of its tags, in their order"`
}

// CommunityType says on which routes a community is; the zero value doesn't say.
type CommunityType string

const (
	Ingress CommunityType = "ingress"
	Egress  CommunityType = "egress"
)

const longestCommunity = 50 // characters, as Peering Manager's

// Complete fills defaults and refuses a community that can't be.
func (c *Community) Complete() error {
	if err := bgp.CheckCommunity(c.Value); err != nil {
		return Errorf(Invalid, "value %w", err)
	}
	return firstError(labelled(c.Slug, &c.Name, c.Description), oneLine("value", c.Value, longestCommunity),
		choice("type", &c.Type, "", Ingress, Egress), tagList(&c.Tags))
}

// idSet orders a set of ids, and refuses one that stands in it twice.
func idSet(field string, ids *[]int64) error {
	sorted := orNone(slices.Clone(*ids))
	slices.Sort(sorted)
	for i := range sorted {
		if i > 0 && sorted[i] == sorted[i-1] {
			return Errorf(Invalid, "%s: %d stands there twice", field, sorted[i])
		}
	}
	*ids = sorted
	return nil
}
