package cmd

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExchangesAndConnectionsAreListedAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "POST", "/api/v1/exchanges", `{"slug": "other-ix", "local_as_id": 1, "ixlan_id": 26}`), 201, "")
	b.wants(b.edit("connections/1", `{"vlan": 42, "interface": "et-0/0/1", "primary": true, "description": "north"}`), 200, "")
	for line, wants := range map[string][]string{
		"exchange list":                       {"ams-ix", "other-ix", "one_per_peer_port"},
		"exchange show ams-ix":                {"exchange/1  ams-ix", "not tied to PeeringDB: set its ixlan_id", "198.51.100.1", "edge1", "et-0/0/1 VLAN 42"},
		"exchange show exchange/2":            {"other-ix", "PeeringDB's ixlan 26"},
		"connection list":                     {"ams-ix", "edge1", "enabled, primary", "198.51.100.1", "et-0/0/1 VLAN 42"},
		"connection list --exchange other-ix": {"CONNECTION"},
		"connection list --router edge1":      {"198.51.100.1"},
		"connection show 1":                   {"connection/1  ams-ix on edge1  enabled, primary", "198.51.100.1 in 198.51.100.0/24", "et-0/0/1 VLAN 42", "north", "1 session"},
		"connection show 198.51.100.1":        {"connection/1"},
	} {
		code, stdout, stderr := b.cli("admin", "", strings.Fields(line)...)
		for _, want := range wants {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("%s: exit %d, want %q:\n%s%s", line, code, want, stdout, stderr)
			}
		}
		if line == "connection list --exchange other-ix" && strings.Contains(stdout, "ams-ix") {
			t.Errorf("%s:\n%s", line, stdout)
		}
		if code, stdout, stderr := b.cli("admin", "", append(strings.Fields(line), "--json")...); code != exitOK || !json.Valid([]byte(stdout)) || stderr != "" {
			t.Errorf("%s --json: exit %d, %q, %q", line, code, stdout, stderr)
		}
	}
	for line, want := range map[string]string{"exchange show nosuch": "there is no exchange nosuch", "connection show 9": "there is no connection 9", "connection show": "takes a connection"} {
		if code, _, stderr := b.cli("admin", "", strings.Fields(line)...); code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, want %q", line, code, stderr, want)
		}
	}
}
