package db

import (
	"encoding/json"
	"net/netip"
	"time"
)

// In domain values the zero stands for "none" where the database has NULL.

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orZero[T any](v *T) (value T) {
	if v != nil {
		value = *v
	}
	return value
}

// intOrNull narrows to what an integer column holds; its CHECK has the range.
func intOrNull(n int) *int32 { return orNull(int32(n)) }

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// addrOf gives the address as it is compared everywhere: IPv4 never in its IPv6-mapped form.
func addrOf(a *netip.Addr) netip.Addr { return orZero(a).Unmap() }

// object is the JSON of a context column, which is never NULL.
func object(text json.RawMessage) []byte {
	if len(text) == 0 || string(text) == "null" {
		return []byte("{}")
	}
	return text
}
