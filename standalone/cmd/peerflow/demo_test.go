package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What a newcomer sees of `make demo YES=1 EXIT=1`, in this order. That the
// routers really do what it says is for standalone/e2e, which asks them itself.
var demoTold = []string{
	`all on loopback`,
	`The edge router is a live `,
	`admin token `,
	`── the router before: eleven sessions`,
	`── peerflow peer AS64501`,
	`other_lan`,
	`adds 1 session; announces 3 prefixes`,
	`64501`,
	`approved by admin: 1 of 1`,
	`completed`,
	`── the router's own words, and ours`,
	`waiting for them`,
	`── the other side configures its end`,
	`AS64501 .*up`,
	`ipv4: received \d+, accepted \d+, announced 3`,
	`best route: .*64501`,
	`── a change that would leak`,
	`announced 900 prefixes, expected 3 \(limit 13\)`,
	`the configuration is what it was, and all 12 sessions kept their uptimes`,
	`── the router after`,
}

func TestTheDemoTellsItsStoryAndEnds(t *testing.T) {
	for _, router := range []string{"bird", "openconfig"} {
		t.Run(router, func(t *testing.T) {
			p := spawn(t, "up", "--demo", "--demo-router", router, "--yes", "--exit", "--listen", "127.0.0.1:0", "--temporal-port", "0")
			go func() {
				for range p.line { // what is printed is kept in said
				}
			}()
			select {
			case code := <-p.code:
				if code != 0 {
					t.Errorf("exit code %d", code)
				}
			case <-time.After(5 * time.Minute):
				t.Error("not over after five minutes")
			}
			told(t, p.said())
			folder := regexp.MustCompile(`data folder +(\S+)/data\n`).FindStringSubmatch(p.said())
			if folder == nil {
				t.Fatal("it doesn't say where its data lie")
			}
			if _, err := os.Stat(folder[1]); !os.IsNotExist(err) {
				t.Errorf("its folder %s is left behind: %v", folder[1], err)
			}
		})
	}
}

// told looks for the lines of the story, each after the one before.
func told(t *testing.T, said string) {
	t.Helper()
	rest := said
	for _, want := range demoTold {
		at := regexp.MustCompile(want).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("nothing of it says %q where it should:\n%s", want, said)
		}
		rest = rest[at[1]:]
	}
	if strings.Contains(said, "\x1b[") {
		t.Error("colours where there is no terminal")
	}
}
