package peering

import (
	"strings"
	"testing"
	"time"
)

func TestAViewOfPeeringDBIsMarkedOnceItIsOldOrCouldNotBeRenewed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	types := func(last time.Time, failure string) (list []PDBTypeState) {
		for _, t := range PDBTypes {
			list = append(list, PDBTypeState{Type: t, LastRun: last, Error: failure})
		}
		return list
	}
	without := func(unsynced PDBType) PDBFreshness {
		list := types(ago(time.Hour), "")
		for i := range list {
			if list[i].Type == unsynced {
				list[i].LastRun, list[i].Error = time.Time{}, "HTTP 503"
			}
		}
		return PDBFreshness{Types: list}
	}
	for name, c := range map[string]struct {
		f    PDBFreshness
		want string // "" is no mark
	}{
		"no contacts, which no plan needs":   {without(PDBContacts), ""},
		"no facilities, the same":            {without(PDBFacilities), ""},
		"nor who is in them":                 {without(PDBNetworkFacilities), ""},
		"no ports":                           {without(PDBPorts), "PeeringDB's data on AS64501 was never fetched: the sync of the mirror fails (HTTP 503)"},
		"synced an hour ago":                 {PDBFreshness{Types: types(ago(time.Hour), "")}, ""},
		"synced too long ago":                {PDBFreshness{Types: types(ago(25*time.Hour), "")}, "PeeringDB's data on AS64501 is from 2026-05-02 11:00 UTC: no sync of the mirror ended since"},
		"too long ago, and the sync fails":   {PDBFreshness{Types: types(ago(25*time.Hour), "HTTP 503")}, "PeeringDB's data on AS64501 is from 2026-05-02 11:00 UTC: the sync of the mirror fails (HTTP 503)"},
		"too long ago, and looked up itself": {PDBFreshness{Types: types(ago(25*time.Hour), "HTTP 503"), RefreshedAt: ago(time.Minute)}, ""},
		"synced, and the lookup failed":      {PDBFreshness{Types: types(ago(time.Hour), ""), FailedAt: ago(time.Minute), Failure: "HTTP 502"}, "PeeringDB's data on AS64501 is from 2026-05-03 11:00 UTC: PeeringDB couldn't be asked since (HTTP 502)"},
		"a failed lookup, and a sync since":  {PDBFreshness{Types: types(ago(time.Hour), ""), FailedAt: ago(2 * time.Hour), Failure: "HTTP 502"}, ""},
		"never fetched":                      {PDBFreshness{Types: types(time.Time{}, "")}, "PeeringDB's data on AS64501 was never fetched: no sync of the mirror ended since"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if stale := c.f.StaleView(64501, now); stale != nil {
				got = stale.String()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatAnApproverReadsFirstSaysWhatToLookAtAndHowOldTheViewIs(t *testing.T) {
	t.Parallel()
	i := Impact{Adds: 5, Ask: []string{"AS64501 has 5 ports"}, Stale: &StaleView{ASN: 64501, AsOf: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), Why: "it is away"}}
	if want := "; look first: AS64501 has 5 ports; PeeringDB's data on AS64501 is from 2026-05-03 12:00 UTC: it is away"; !strings.HasSuffix(i.Line(), want) {
		t.Errorf("%q doesn't end %q", i.Line(), want)
	}
}
