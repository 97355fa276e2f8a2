package activities

import (
	"context"
	"strings"
	"testing"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// shut is a platform whose routers let nobody in.
type shut struct{ driver.Platform }

func (shut) Open(context.Context, driver.Target, driver.Secrets) (driver.Conn, error) {
	return nil, driver.ErrLogin
}

func TestARouterWithoutALoginIsNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	d := proposed()
	a := Access{Drivers: driver.NewRegistry(shut{d.router}), Intent: d}
	_, err := a.open(t.Context(), peering.Router{Meta: peering.Meta{ID: 7}, Name: "edge1"})
	for _, want := range []string{"router edge1 has no login", `peerflow secret set "edge1 login"`, "PATCH /api/v1/routers/7"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
	_, err = a.open(t.Context(), peering.Router{Meta: peering.Meta{ID: 7}, Name: "edge1", Login: peering.SecretRef{ID: 1, Version: 1}})
	if err == nil || !strings.Contains(err.Error(), "open router edge1: the router refused the login") {
		t.Errorf("with a login: %v", err)
	}
}
