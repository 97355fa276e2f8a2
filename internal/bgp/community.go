package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// wellKnown are the names of standard communities that routers take for their values.
var wellKnown = []string{
	"no-export", "no-advertise", "no-export-subconfed", "local-as", // RFC 1997
	"no-peer", "nopeer", // RFC 3765
	"blackhole",             // RFC 7999
	"graceful-shutdown",     // RFC 8326
	"accept-own",            // RFC 7611
	"llgr-stale", "no-llgr", // RFC 9494
}

// extended are the words that extended communities begin with on one router or another.
var extended = []string{"target", "rt", "origin", "ro", "soo"}

// CheckCommunity refuses what isn't a community's value as a router's configuration has it: standard (64500:1, RFC 1997),
// large (64500:1:2, RFC 8092), extended (target:64500:1, rt:192.0.2.1:1, RFC 4360), or a well-known name. Standard and
// large ones may begin with 0, which route servers give a meaning.
func CheckCommunity(value string) error {
	parts := strings.Split(value, ":")
	switch {
	case slices.Contains(wellKnown, value),
		len(parts) == 2 && each(parts, 1<<16-1),
		len(parts) == 3 && each(parts, 1<<32-1),
		len(parts) == 3 && slices.Contains(extended, parts[0]) && isExtended("target", parts[1], parts[2]) && (strings.Contains(parts[1], ".") || each(parts[1:2], 1<<32-1)):
		return nil
	}
	return fmt.Errorf("%.60q is no community: give 64500:1 (numbers to 65535), 64500:1:2 (to 4294967295), target:64500:1 (or rt, origin, ro, soo), "+
		"or a well-known name such as no-export", value)
}

// CommunityKind is standard, extended or large, by how a community's value is written, as Peering Manager tells them
// apart: "" for what it wouldn't take, be it a community or not.
func CommunityKind(value string) string {
	parts := strings.Split(value, ":")
	switch len(parts) {
	case 2:
		if within(parts[0], 1, 1<<16-1) && within(parts[1], 0, 1<<16-1) {
			return "standard"
		}
	case 3:
		if isExtended(parts[0], parts[1], parts[2]) {
			return "extended"
		}
		if within(parts[0], 1, 1<<32-1) && within(parts[1], 0, 1<<32-1) && within(parts[2], 0, 1<<32-1) {
			return "large"
		}
	}
	return ""
}

// isExtended reads origin or target, an administrator and its number: 32 bits behind an AS number of 16, else 16 bits.
func isExtended(kind, admin, number string) bool {
	if kind != "origin" && kind != "target" {
		return false
	}
	if within(admin, 0, 1<<16-1) {
		return within(number, 1, 1<<32-1)
	}
	address, err := netip.ParseAddr(admin)
	if err != nil || !address.Is4() {
		return isDigits(admin) && within(number, 1, 1<<16-1)
	}
	return within(number, 1, 1<<16-1)
}

func within(text string, least, most uint64) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && isDigits(text) && n >= least && n <= most
}

func each(numbers []string, most uint64) bool {
	return !slices.ContainsFunc(numbers, func(n string) bool { return !within(n, 0, most) })
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
