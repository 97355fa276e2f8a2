package activities

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Access opens routers: it knows the drivers, and resolves logins.
type Access struct {
	Drivers driver.Registry
	Secrets driver.Secrets
	Intent  IntentStore
}

// device is an open router with what its driver offers.
type device struct {
	platform driver.Platform
	conn     driver.Conn
	router   peering.Router
}

// open logs in. A router that isn't in mode manage, or whose driver nobody may
// write with, gets a connection that is unable to write.
func (a Access) open(ctx context.Context, r peering.Router) (device, error) {
	slug, err := a.Intent.Driver(ctx, r.PlatformID)
	if err != nil {
		return device{}, err
	}
	platform, err := a.Drivers.Platform(slug)
	if err != nil {
		return device{}, err
	}
	conn, err := platform.Open(ctx, driver.Target{
		Router: r.Name, Address: r.Address, Username: r.Username, Login: r.Login, HostKey: r.HostKey,
		BGPPort: r.BGPPort, Settings: r.Settings, ReadOnly: r.Mode != peering.Manage || unproven(platform, r) != nil,
	}, a.Secrets)
	if err != nil && r.Login.IsZero() {
		return device{}, peering.Errorf(peering.NotFound, "router %s has no login: store one (peerflow secret set %q < file), then PATCH /api/v1/routers/%d with its \"login\": "+
			"the id and version that secret set prints", r.Name, r.Name+" login", r.ID)
	}
	if err != nil {
		return device{}, fmt.Errorf("open router %s: %w", r.Name, err)
	}
	return device{platform: platform, conn: conn, router: r}, nil
}

// unproven refuses to write with a driver that was never tried, unless somebody
// answered for that on this router.
func unproven(p driver.Platform, r peering.Router) error {
	if p.Proof() != driver.Unproven || r.AcceptUnproven {
		return nil
	}
	return peering.Errorf(peering.Denied, "driver %s was never tried on anything (proof level %s), and nobody accepted that: "+
		"peerflow router mode %s manage --unproven does, or use mode propose, where a person pastes", p.Name(), p.Proof(), r.Name)
}

func (d device) close() { _ = d.conn.Close() }

// owned reads what peerflow owns on the router.
func (d device) owned(ctx context.Context, known []peering.SecretRef) (peering.Running, error) {
	reader, err := driver.Can[driver.OwnedReader](d.platform, d.conn)
	if err != nil {
		return peering.Running{}, err
	}
	running, err := reader.ReadOwned(ctx, known)
	if err != nil {
		return peering.Running{}, fmt.Errorf("read router %s: %w", d.router.Name, err)
	}
	running.ReadAt = time.Now()
	return running, nil
}

func (d device) neighbors(ctx context.Context) ([]peering.Neighbor, error) {
	reader, err := driver.Can[driver.NeighborReader](d.platform, d.conn)
	if err != nil {
		return nil, err
	}
	neighbors, err := reader.ReadNeighbors(ctx)
	if err != nil {
		return nil, fmt.Errorf("read neighbors of router %s: %w", d.router.Name, err)
	}
	return neighbors, nil
}

func (d device) committer() (driver.ConfirmedCommitter, error) {
	return driver.Can[driver.ConfirmedCommitter](d.platform, d.conn)
}

// text joins stanzas as the platform writes them.
func (d device) text(stanzas []peering.Stanza) (string, error) {
	return d.platform.Syntax().Join(stanzas)
}

// locate reads the router in the terms of a deployment.
func (d device) locate(ctx context.Context, dep peering.Deployment, known []peering.SecretRef) (peering.Read, peering.Running, error) {
	running, err := d.owned(ctx, known)
	if err != nil {
		return peering.Read{}, running, err
	}
	now, err := d.text(running.Stanzas)
	if err != nil {
		return peering.Read{}, running, err
	}
	boot, err := d.text(running.Boot)
	if err != nil {
		return peering.Read{}, running, err
	}
	read := peering.Locate(dep, peering.HashText(now), peering.HashText(boot), commitOwner(dep.ID), running)
	return read, running, nil
}

// commitOwner is how a deployment's pending commit is named on the router.
func commitOwner(deployment int64) string { return strconv.FormatInt(deployment, 10) }

// reopens names what is closed on the router, by nobody's record, and what the
// artifact's load would open along with its own change: that is never
// automation's to do. It says what a person can do, and "" when there is none.
func (d device) reopens(ctx context.Context, artifact string) (string, error) {
	reopener, ok := d.conn.(driver.Reopener)
	if !ok {
		return "", nil
	}
	opened, err := reopener.Reopens(ctx, artifact)
	if err != nil || len(opened) == 0 {
		return "", err
	}
	var texts []string
	for _, o := range opened {
		who := o.Name
		if o.Neighbor.IsValid() {
			who += " (" + o.Neighbor.String() + ")"
		}
		texts = append(texts, fmt.Sprintf("%s is %s: %s", who, o.Why, o.Remedy))
	}
	return fmt.Sprintf("router %s: any commit would open what is closed there: %s", d.router.Name, peering.Some(texts, named, "; ")), nil
}

// warnings say what would refuse a commit of the artifact as the router is now: a
// person can mend it while the plan waits, and nobody approves in vain.
func (d device) warnings(ctx context.Context, artifact string) []string {
	text, err := d.reopens(ctx, artifact)
	switch {
	case err != nil:
		text = fmt.Sprintf("router %s: whether a commit would open what is closed there can't be told, and then it is refused: %v", d.router.Name, err)
	case text == "":
		return nil
	default:
		text += "; until then the commit is refused"
	}
	return []string{peering.Clip(text, textSize/2)}
}
