package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// filters reads "asn=1,2&name__ic=x" as the API would: commas stand for a repeated parameter.
func filters(text string) (list []peering.Filter) {
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		field, op, _ := strings.Cut(name, "__")
		list = append(list, peering.Filter{Field: field, Op: op, Values: strings.Split(value, ",")})
	}
	return list
}

func TestFiltersSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	smallNetwork(t, d) // AS 64500 "us" (local), AS 64501 "peer"
	mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64502, Name: "50%_off Peer", IRRASSet: "AS-X"})
	mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64503, Name: `back\slash`})
	tests := map[string]struct{ filter, want string }{
		"equality":                              {"asn=64501", "64501"},
		"repeated is any of them":               {"asn=64501,64503", "64501 64503"},
		"AS numbers as people write them":       {"asn=AS64501", "64501"},
		"two filters both count":                {"local=false&asn__lt=64502", "64501"},
		"not":                                   {"asn__n=64500,64501", "64502 64503"},
		"greater than":                          {"asn__gt=64501", "64502 64503"},
		"at least":                              {"asn__gte=64502", "64502 64503"},
		"at most":                               {"asn__lte=64501", "64500 64501"},
		"contains, whatever the case":           {"name__ic=PEER", "64501 64502"},
		"starts with":                           {"name__isw=peer", "64501"},
		"starts with any of":                    {"name__isw=us,back", "64500 64503"},
		"a percent sign is no pattern":          {"name__ic=50%25", ""},
		"a percent sign is itself":              {"name__ic=%", "64502"},
		"an underscore is itself":               {"name__ic=_", "64502"},
		"a backslash is itself":                 {`name__ic=k\s`, "64503"},
		"a quote is a letter":                   {"name=x' OR 1=1 --", ""},
		"Peering Manager's name of local":       {"affiliated=true", "64500"},
		"q looks into several fields":           {"q=as-x", "64502"},
		"q finds numbers":                       {"q=64503", "64503"},
		"repeated q has to be found altogether": {"q=peer,off", "64502"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := d.AutonomousSystems().List(t.Context(), filters(test.filter), peering.Page{})
			var got []string
			for _, a := range list.Items {
				got = append(got, fmt.Sprint(int64(a.ASN)))
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("%s: %q, %v, want %q", test.filter, got, err, test.want)
			}
		})
	}
}

func TestSessionsAreFoundByWhatPeopleKnow(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	direct := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.peer.ID})
	other := n.sessionTo("203.0.113.1")
	other.ConnectionID, other.PeeringID, other.Description = 0, direct.ID, "backup"
	mustCreate(t, d.Sessions(), other)
	ixp := fmt.Sprint(n.ixp.ID)
	for filter, want := range map[string]int{
		"asn=64501": 2, "asn=64501,64502": 2, "peer_asn=64502": 0, "router=ams-1": 2, "router=ams-1,fra-1": 2, "router__n=ams-1,fra-1": 0, "router_id=" + fmt.Sprint(n.router.ID): 2, "router__isw=fra": 0,
		"exchange_id=" + ixp: 1, "exchange=ams-ix": 1, "exchange=ams-ix,de-cix": 1, "exchange__n=ams-ix,de-cix": 1, "exchange__isnull=true": 1, "exchange__ic=S-I": 1, "exchange=ams-ix&exchange__n=de-cix&exchange_id__isnull=false&router=ams-1": 1, "exchange_id__isnull=true": 1, "exchange_id__n=" + ixp: 1,
		"connection_id=" + fmt.Sprint(n.port.ID): 1, "peering_id=" + fmt.Sprint(direct.ID): 1, "kind=direct": 1, "kind=direct,ixp": 2,
		"intent=present": 2, "intent__n=present": 0, "intent__n=draining,shutdown": 2, "sync=not_deployed": 2, "sync=in_sync": 0, "peer_address=198.51.100.2": 1, "peer_address=198.51.100.2,203.0.113.1": 2,
		"peer_address=::ffff:198.51.100.2": 1, "ip_address=203.0.113.1": 1, "q=backup": 1, "q=203.0.113": 1, "q=peer": 2, "description=": 1,
		"watch_until__isnull=true": 2, "created_at__gt=2020-01-01T00:00:00Z": 2,
	} {
		list, err := d.Sessions().List(t.Context(), filters(filter), peering.Page{})
		if err != nil || len(list.Items) != want {
			t.Errorf("%s: %d sessions, %v, want %d", filter, len(list.Items), err, want)
		}
	}
}

func TestFiltersOfEveryNounRun(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	smallNetwork(t, d)
	for noun, fields := range db.ListFields() {
		for field, operators := range fields {
			for _, op := range operators {
				if _, err := d.TryList(t.Context(), noun, field, op, 1); err != nil {
					t.Errorf("%s: %s__%s: %v", noun, field, op, err)
				}
			}
		}
	}
}

// A connection keeps each statement that it prepared: with one for each number of values, a client that pages
// through sessions once filled each of them with 250 MB.
func TestAFilterIsOneStatementForAnyNumberOfValues(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for noun, fields := range db.ListFields() {
		for field := range fields {
			if field == "tag" || field == "q" {
				continue // all of the values, each by itself; people type few
			}
			for _, op := range []string{"", "n"} {
				two, err := d.TryList(t.Context(), noun, field, op, 2)
				more, again := d.TryList(t.Context(), noun, field, op, 900)
				if err != nil || again != nil || two != more {
					t.Errorf("%s: %s__%s: %v, %v: of two values %q, of many %q", noun, field, op, err, again, two, more)
				}
			}
		}
	}
}

func TestFiltersThatCanNotBeNameTheRemedy(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for filter, want := range map[string]string{
		"peer_asm=1":             `did you mean "peer_asn"?`,
		"colour=red":             "it has asn, bfd_id,",
		"asn__ic=645":            "it has equality, n, gt, gte, lt, lte, isnull",
		"asn__gt=1,2":            "one value",
		"asn=zero":               "no AS number",
		"asn=0":                  "RFC 7607",
		"kind=sideways":          "it is one of direct, ixp",
		"peer_address=1.2.3":     "1.2.3",
		"passive=maybe":          "maybe",
		"passive__isnull=maybe":  "true or false",
		"id;DROP TABLE session=": "no filter",
		"created_at__gt=today":   "today",
		"vrf=a\x00b":             "isn't text",
		"q=\xff":                 "isn't text",
	} {
		_, err := d.Sessions().List(t.Context(), filters(filter), peering.Page{})
		wantKind(t, filter, err, peering.Invalid)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %q", filter, err, want)
		}
	}
	for _, page := range []peering.Page{{Limit: 1001}, {Limit: -1}, {After: "x"}, {After: "-1"}, {Order: "name"}} {
		_, err := d.Sessions().List(t.Context(), nil, page)
		wantKind(t, fmt.Sprintf("page %+v", page), err, peering.Invalid)
	}
}

func TestPagesListEachRecordOnceWhileOthersAreInserted(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	var there []int64
	for i := range 30 {
		there = append(there, mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: bgp.ASN(65536 + i)}).ID)
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := d.AutonomousSystems().Create(t.Context(), anna, peering.AutonomousSystem{ASN: bgp.ASN(4200000000 + i)}); err != nil {
				done <- err
				return
			}
		}
	}()
	var seen []int64
	for page := (peering.Page{Limit: 7}); ; {
		list, err := d.AutonomousSystems().List(t.Context(), nil, page)
		if err != nil || len(list.Items) > 7 {
			t.Fatalf("%d records, %v", len(list.Items), err)
		}
		for _, a := range list.Items {
			seen = append(seen, a.ID)
		}
		if list.Next == "" || len(seen) > 500 {
			break
		}
		page.After = list.Next
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("listed out of order or twice: %v", seen)
	}
	for _, id := range there {
		if !slices.Contains(seen, id) {
			t.Errorf("record %d was there all the time and is not listed", id)
		}
	}
}

func TestAnEmptyListIsOnePage(t *testing.T) {
	t.Parallel()
	list, err := dbtest.New(t).Sites().List(t.Context(), nil, peering.Page{Limit: 1})
	if err != nil || list.Items == nil || len(list.Items) != 0 || list.Next != "" {
		t.Errorf("%+v, %v: want no records, as an empty list", list, err)
	}
}
