package pdbfake

import (
	"bytes"
	"encoding/json"
	"net/netip"

	"peerflow/internal/peering"
)

// shapes are the fields of each type in PeeringDB's order, with the value of a
// row whose owner said nothing. (API 2.81, anonymous view.)
var shapes = map[peering.PDBType]string{
	peering.PDBOrgs: `{"id":0,"name":"","aka":"","name_long":"","website":"","social_media":[],"notes":"","logo":null,
		"address1":"","address2":"","city":"","country":"","state":"","zipcode":"","floor":"","suite":"",
		"latitude":null,"longitude":null,"created":"","updated":"","status":"ok"}`,
	peering.PDBFacilities: `{"id":0,"org_id":0,"org_name":"","campus_id":null,"name":"","aka":"","name_long":"","website":"","social_media":[],
		"clli":"","rencode":"","npanxx":"","notes":"","net_count":0,"ix_count":0,"carrier_count":0,"sales_email":"","sales_phone":"",
		"tech_email":"","tech_phone":"","available_voltage_services":[],"diverse_serving_substations":null,"property":null,
		"region_continent":null,"status_dashboard":null,"logo":null,"created":"","updated":"","status":"ok","address1":"","address2":"",
		"city":"","country":"","state":"","zipcode":"","floor":"","suite":"","latitude":null,"longitude":null}`,
	peering.PDBNetworks: `{"id":0,"org_id":0,"name":"","aka":"","name_long":"","website":"","social_media":[],"asn":0,
		"looking_glass":"","route_server":"","irr_as_set":"","info_type":"","info_types":[],"info_prefixes4":null,
		"info_prefixes6":null,"info_traffic":"","info_ratio":"","info_scope":"","info_unicast":true,"info_multicast":false,
		"info_ipv6":true,"info_never_via_route_servers":false,"ix_count":0,"fac_count":0,"notes":"","netixlan_updated":null,
		"netfac_updated":null,"poc_updated":null,"policy_url":"","policy_general":"","policy_locations":"",
		"policy_ratio":false,"policy_contracts":"","allow_ixp_update":false,"ixp_update_exclude":[],"status_dashboard":null,
		"rir_status":"ok","rir_status_updated":null,"logo":null,"created":"","updated":"","status":"ok"}`,
	peering.PDBExchanges: `{"id":0,"org_id":0,"name":"","aka":"","name_long":"","city":"","country":"","region_continent":"",
		"media":"Ethernet","notes":"","proto_unicast":true,"proto_multicast":false,"proto_ipv6":true,"website":"",
		"social_media":[],"url_stats":"","tech_email":"","tech_phone":"","policy_email":"","policy_phone":"",
		"sales_phone":"","sales_email":"","net_count":0,"fac_count":0,"ixf_net_count":0,"ixf_last_import":null,
		"ixf_import_request":null,"ixf_import_request_status":"queued","service_level":"","terms":"",
		"status_dashboard":null,"logo":null,"created":"","updated":"","status":"ok"}`,
	peering.PDBLANs: `{"id":0,"ix_id":0,"name":"","descr":"","mtu":1500,"dot1q_support":false,"rs_asn":0,"arp_sponge":null,
		"ixf_ixp_member_list_url_visible":"Private","ixf_ixp_import_enabled":false,"created":"","updated":"","status":"ok"}`,
	peering.PDBPrefixes: `{"id":0,"ixlan_id":0,"protocol":"IPv4","prefix":"","in_dfz":false,"created":"","updated":"","status":"ok"}`,
	peering.PDBPorts: `{"id":0,"net_id":0,"ix_id":0,"name":"","ixlan_id":0,"notes":"","speed":0,"asn":0,"ipaddr4":null,
		"ipaddr6":null,"is_rs_peer":false,"bfd_support":false,"operational":true,"net_side_id":null,"ix_side_id":null,
		"created":"","updated":"","status":"ok"}`,
	peering.PDBNetworkFacilities: `{"id":0,"name":"","city":"","country":"","net_id":0,"fac_id":0,"local_asn":0,"created":"","updated":"","status":"ok"}`,
	peering.PDBContacts:          `{"id":0,"net_id":0,"role":"","visible":"Public","name":"","phone":"","email":"","url":"","created":"","updated":"","status":"ok"}`,
}

// render gives a row the real field set and order. Values of the row win over
// computed ones, those over the shape's.
func render(row peering.PDBRow, computed map[string]any) json.RawMessage {
	values := map[string]json.RawMessage{}
	for name, v := range computed {
		values[name] = mustJSON(v)
	}
	if err := json.Unmarshal(mustJSON(row), &values); err != nil {
		panic(err) // it was marshalled a moment ago
	}
	if port, ok := row.(*peering.PDBPort); ok {
		values["ipaddr4"], values["ipaddr6"] = orNull(port.IPv4), orNull(port.IPv6)
		for field, id := range map[string]int64{"net_side_id": port.NetSideID, "ix_side_id": port.IXSideID} {
			if id == 0 {
				values[field] = json.RawMessage("null")
			}
		}
	}
	if net, ok := row.(*peering.PDBNetwork); ok && net.InfoType != "" {
		values["info_types"] = mustJSON([]string{net.InfoType})
	}
	var out bytes.Buffer
	for name, standard := range members(shapes[row.PDBType()]) {
		if out.Len() == 0 {
			out.WriteByte('{')
		} else {
			out.WriteByte(',')
		}
		out.Write(mustJSON(name))
		out.WriteByte(':')
		if v, ok := values[name]; ok {
			standard = v
		}
		out.Write(standard)
	}
	out.WriteByte('}')
	return out.Bytes()
}

func orNull(a netip.Addr) json.RawMessage {
	if !a.IsValid() {
		return json.RawMessage("null")
	}
	return mustJSON(a)
}

// members gives an object's fields in the order in which they stand.
func members(object string) func(yield func(string, json.RawMessage) bool) {
	return func(yield func(string, json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader([]byte(object)))
		for _, err := dec.Token(); dec.More() && err == nil; {
			name, _ := dec.Token()
			var value json.RawMessage
			if dec.Decode(&value) != nil || !yield(name.(string), value) {
				return
			}
		}
	}
}
