package openconfig_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver"
	"peerflow/internal/driver/openconfig"
	"peerflow/standalone/lab/gnmid"
)

// One Platform serves all routers: what one of them is set to must not reach another.
func TestRoutersOfOnePlatformKeepTheirOwnSettings(t *testing.T) {
	t.Parallel()
	platform := openconfig.New()
	var mu sync.Mutex
	sets, arbitrated := map[string]int{}, map[string]int{}
	start := func(name, net string, settings func(*bench) json.RawMessage) (*bench, router) {
		b := setup(t, net, func(c *gnmid.Config) {
			c.OnSet = func(r *gpb.SetRequest) {
				mu.Lock()
				defer mu.Unlock()
				sets[name]++
				for _, e := range r.GetExtension() {
					if e.GetMasterArbitration() != nil {
						arbitrated[name]++
					}
				}
			}
		})
		target := b.target()
		target.Router, target.Settings = name, settings(b)
		c, err := platform.Open(t.Context(), target, b.secrets)
		b.must(err)
		t.Cleanup(func() { c.Close() })
		return b, c.(router)
	}
	all := func(b *bench) json.RawMessage { return b.router.Settings() }
	none := func(*bench) json.RawMessage { return json.RawMessage(`{"server_name": "router1.example.net"}`) }
	one, first := start("with all settings", "127.90.37.", all)
	other, second := start("with none", "127.90.38.", none)

	for _, c := range []struct {
		conn  router
		check bool
	}{{first, true}, {second, false}} {
		if _, can := c.conn.(driver.Checker); can != c.check {
			t.Errorf("it can check candidates: %v, want %v", can, c.check)
		}
	}
	a, b := one.deployment(1, artifactBase, time.Minute), other.deployment(1, artifactBase, time.Minute)
	for _, step := range []func(router, driver.Commit) error{
		func(r router, c driver.Commit) error { return r.Stage(t.Context(), c) },
		func(r router, c driver.Commit) error { return r.Commit(t.Context(), c) },
		func(r router, c driver.Commit) error { return r.Confirm(context.WithoutCancel(t.Context()), c) },
	} {
		one.must(step(first, a))
		other.must(step(second, b))
	}
	mu.Lock()
	defer mu.Unlock()
	if arbitrated["with all settings"] != sets["with all settings"] || sets["with all settings"] == 0 {
		t.Errorf("%d of %d Sets carry the fence where the router arbitrates", arbitrated["with all settings"], sets["with all settings"])
	}
	if arbitrated["with none"] != 0 || sets["with none"] == 0 {
		t.Errorf("%d of %d Sets carry the fence where the router doesn't arbitrate", arbitrated["with none"], sets["with none"])
	}
}
