package bgp

import (
	"strings"
	"testing"
)

func TestCommunitiesAreWhatRoutersTake(t *testing.T) {
	t.Parallel()
	for value, kind := range map[string]string{
		"64500:1": "standard", "65535:65535": "standard", "1:0": "standard", "0:64501": "", "no-export": "", "blackhole": "", "graceful-shutdown": "",
		"64500:1:2": "large", "4200000000:0:4294967295": "large", "0:64500:64501": "",
		"target:64500:4294967295": "extended", "origin:192.0.2.1:1": "extended", "target:4200000000:65535": "extended", "rt:64500:1": "", "soo:192.0.2.1:1": "",
	} {
		if err := CheckCommunity(value); err != nil || CommunityKind(value) != kind {
			t.Errorf("%s: kind %q, want %q; %v", value, CommunityKind(value), kind, err)
		}
	}
	for _, value := range []string{
		"", ":", "64500", "65536:1", "64500:65536", "64500:1:4294967296", "64500:1:2:3", "64500:-1", "64500: 1", " 64500:1", "64500:1\n", "64500:1; }", `64500:1"`,
		"64500:x", "0x1:1", "１:1", "target:64500", "target:192.0.2:1", "target:2001:db8::1:1", "target:64500:0", "target:4200000000:65536", "target:99999999999:1",
		"target:192.0.2.1:65536", "rt:64500:1:2", "no-export;", "NO-EXPORT\x00", "anything", strings.Repeat("1", 100) + ":1",
	} {
		if err := CheckCommunity(value); err == nil || !strings.Contains(err.Error(), "is no community") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%q: %v", value, err)
		}
	}
}
