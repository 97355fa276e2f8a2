package db

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/internal/peering"
)

// holdRouter keeps a router's record as it is while a deployment is in flight
// there: its steps log in, read and write by it, and a step that reads another
// router, or the same one in another language, would judge by the wrong thing.
// It holds the router's row, so that Begin comes before or after the edit. after
// is nil when the router is to be deleted.
func holdRouter(ctx context.Context, tx *Tx, before, after *peering.Router) error {
	if after != nil && sameSteps(before, after) && sameLogin(before, after) {
		return nil
	}
	if _, err := tx.q.DeploymentRouterLock(ctx, before.ID); err != nil {
		return err
	}
	row, err := tx.q.DeploymentInFlight(ctx, before.ID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.Deployment.ChangeID == tx.actor.ChangeID {
		return nil
	}
	if err != nil {
		return err
	}
	dep, err := deploymentOf(row.Deployment, row.Router)
	if err != nil {
		return err
	}
	if after != nil && sameSteps(before, after) && dep.Unread != "" && time.Now().After(dep.Deadline) {
		return nil // past its deadline and unreadable: a login that works again is the way out
	}
	return heldBy(dep)
}

// sameSteps tells that an edit leaves how a router is spoken to.
func sameSteps(a, b *peering.Router) bool {
	return a.Mode == b.Mode && a.PlatformID == b.PlatformID && a.TemplateID == b.TemplateID && a.BGPPort == b.BGPPort && a.Lab == b.Lab &&
		sameJSON(object(a.Settings), object(b.Settings))
}

// sameLogin tells that an edit leaves how a router is reached.
func sameLogin(a, b *peering.Router) bool {
	return a.Address == b.Address && a.Username == b.Username && a.Login == b.Login && a.HostKey == b.HostKey
}

// holdPlatform keeps a platform's driver while a deployment is in flight on one of its routers.
func holdPlatform(ctx context.Context, tx *Tx, before, after *peering.PlatformRecord) error {
	if after == nil || before.Driver == after.Driver {
		return nil
	}
	if err := tx.q.LockName(ctx, freezeLock); err != nil { // which Begin shares
		return err
	}
	row, err := tx.q.DeploymentInFlightOfPlatform(ctx, before.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	dep, err := deploymentOf(row.Deployment, row.Router)
	if err != nil {
		return err
	}
	return heldBy(dep)
}

func heldBy(d peering.Deployment) error {
	return peering.Errorf(peering.Conflict, "deployment %d of change %d is %s on router %s and goes by its record: %s", d.ID, d.ChangeID, strings.ReplaceAll(string(d.State), "_", " "), d.Router, d.Remedy())
}
