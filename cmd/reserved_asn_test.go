package cmd

import (
	"strings"
	"testing"
)

func TestReservedNumbersAreRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // AS64500's lab router
	for _, asn := range []string{"23456", "65535", "4294967295"} {
		b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": `+asn+`}`), 422, "AS"+asn+" is never a network's")
	}
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 3333, "name": "real"}`), 201, `"id":3`)
	const real = `{"name": "real1", "site_id": 1, "platform_id": 1, "template_id": 1, "address": "203.0.113.1:22", "local_as_id": `
	b.wants(b.do("admin", "POST", "/api/v1/routers", real+"1}"), 422, "router real1, local_as_id: AS64500 is for documentation")
	b.wants(b.do("admin", "POST", "/api/v1/routers", real+"3}"), 201, `"lab":false`)
	b.wants(b.do("admin", "POST", "/api/v1/connections", `{"exchange_id": 1, "router_id": 2, "ipv4": "198.51.100.7", "ipv4_lan": "198.51.100.0/24"}`), 201, "")

	const session = `{"peering_id": 1, "router_id": 2, "peer_address": "198.51.100.9", `
	for body, want := range map[string]string{
		`"peer_asn": 64501`:                                       "peer_asn: AS64501 is for documentation",
		`"peer_asn": 65535`:                                       "peer_asn: AS65535 is never a network's",
		`"peer_asn": 2914, "local_asn": 64500`:                    "our AS: AS64500 is for documentation",
		`"connection_id": 2, "peer_asn": 64512`:                   "peer_asn: AS64512 is for private use",
		`"connection_id": 2, "peer_asn": 2914, "local_asn":65534`: "our AS: AS65534 is for private use",
	} {
		b.wants(b.do("admin", "POST", "/api/v1/sessions", session+body+"}"), 422, want)
		op := strings.ReplaceAll(`{"kind": "renumber", "operations": [{"router_id": 2, "object": "session", "action": "create", "patch": BODY}]}`, "BODY", session+body+"}")
		b.wants(b.do("admin", "POST", "/api/v1/changes", op, "Idempotency-Key", "reserved-"+body), 422, want)
	}
	b.wants(b.do("admin", "POST", "/api/v1/sessions", session+`"peer_asn": 64512}`), 201, `"kind":"direct"`)

	// A change is asked with all that it does: with the router's next number, a session may be right.
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 64512}`), 201, `"id":4`)
	b.wants(b.do("admin", "POST", "/api/v1/routers", strings.ReplaceAll(real, "real1", "real2")+"4}"), 201, `"id":3`)
	b.wants(b.do("admin", "POST", "/api/v1/connections", `{"exchange_id": 1, "router_id": 3, "ipv4": "198.51.100.8", "ipv4_lan": "198.51.100.0/24"}`), 201, `"id":3`)
	const exchange = `{"router_id": 3, "object": "session", "action": "create", "patch": {"peering_id": 1, "router_id": 3, "peer_address": "198.51.100.9", "connection_id": 3, "peer_asn": 2914}}]}`
	b.wants(b.do("admin", "POST", "/api/v1/changes", `{"kind": "renumber", "operations": [`+exchange, "Idempotency-Key", "reserved-private"), 422, "our AS: AS64512")
	b.wants(b.do("admin", "POST", "/api/v1/changes", `{"kind": "renumber", "operations": [{"router_id": 3, "object": "router", "object_id": 3, "action": "update", "patch": {"local_as_id": 3}}, `+exchange,
		"Idempotency-Key", "reserved-public"), 202, "")

	// A lab router with such numbers stays one.
	b.wants(b.edit("routers/1", `{"lab": false}`), 422, "router edge1, local_as_id: AS64500")
	b.wants(b.edit("routers/1", `{"lab": false, "local_as_id": 3}`), 422, "session 198.51.100.2 (1) of router edge1: peer_asn: AS64501")
}
