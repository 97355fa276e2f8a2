package render

import (
	"net/netip"
	"strconv"
	"strings"
)

// communityKind is standard, extended or large, by how a community's value is written; "" when it is none of them.
func communityKind(value string) string {
	parts := strings.Split(value, ":")
	switch len(parts) {
	case 2:
		if within(parts[0], 1, 1<<16-1) && within(parts[1], 0, 1<<16-1) {
			return "standard"
		}
	case 3:
		if isExtended(parts) {
			return "extended"
		}
		if within(parts[0], 1, 1<<32-1) && within(parts[1], 0, 1<<32-1) && within(parts[2], 0, 1<<32-1) {
			return "large"
		}
	}
	return ""
}

// isExtended reads origin or target, an administrator and its number: 32 bits behind an AS number of 16, else 16 bits.
func isExtended(parts []string) bool {
	if parts[0] != "origin" && parts[0] != "target" {
		return false
	}
	if within(parts[1], 0, 1<<16-1) {
		return within(parts[2], 1, 1<<32-1)
	}
	admin, err := netip.ParseAddr(parts[1])
	if err != nil || !admin.Is4() {
		return isDigits(parts[1]) && within(parts[2], 1, 1<<16-1)
	}
	return within(parts[2], 1, 1<<16-1)
}

func within(text string, least, most uint64) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && isDigits(text) && n >= least && n <= most
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
