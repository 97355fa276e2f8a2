package peering

import "testing"

func TestALoadIsTheSameThoughTheRoutersClockJitters(t *testing.T) {
	const one = "2026-11-28 06:04:13.999 since 2026-11-28 06:03:00.120"
	for other, same := range map[string]bool{
		one: true,
		"2026-11-28 06:04:14.041 since 2026-11-28 06:03:00.162": true,  // told 42 ms later
		"2026-11-28 06:04:14.000 since 2026-11-28 06:03:00.120": true,  // cut to milliseconds
		"2026-11-28 06:04:14.041 since 2026-11-28 06:03:00.120": false, // loaded again 42 ms later
		"2026-11-28 06:05:14.041 since 2026-11-28 06:03:00.162": false,
		"2026-11-28 06:04:18.999 since 2026-11-28 06:03:05.120": false, // another start, as long before its load
		"7": false, "": false,
	} {
		if SameGeneration(one, other) != same || SameGeneration(other, one) != same {
			t.Errorf("%q: the same load is %t, want %t", other, !same, same)
		}
	}
	if SameGeneration("7", "8") || !SameGeneration("7", "7") {
		t.Error("counters are compared as they are")
	}
	started := "2026-11-28 06:03:00.120"
	for other, same := range map[string]bool{started: true, "2026-11-28 06:03:00.162": true, "2026-11-28 06:03:02.162": false, "boot-2": false} {
		if SameIncarnation(started, other) != same {
			t.Errorf("%q: the same start is %t, want %t", other, !same, same)
		}
	}
}
