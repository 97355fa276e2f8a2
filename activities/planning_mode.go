package activities

import (
	"cmp"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// plannable refuses to plan for a router where nothing could come of the plan in
// the mode that it is in.
func (d device) plannable() error {
	if d.router.Mode != peering.Propose {
		return unproven(d.platform, d.router)
	}
	_, err := d.proposer()
	return err
}

func (d device) proposer() (driver.Proposer, error) {
	proposer, ok := d.platform.(driver.Proposer)
	if !ok {
		return nil, peering.Errorf(peering.Unsupported, "platform %s has no text that a person could paste: router %s can't be in mode propose, "+
			"set it to manage or observe (peerflow router mode)", d.platform.Name(), d.router.Name)
	}
	return proposer, nil
}

// proposable refuses a plan whose artifact nobody could paste, or whose base nobody
// could put back.
func proposable(d device, base, artifact string) error {
	if d.router.Mode != peering.Propose {
		return nil
	}
	proposer, err := d.proposer()
	if err != nil {
		return err
	}
	way := peering.Way{Address: d.router.Address, Settings: d.router.Settings, Base: base, Artifact: artifact}
	_, there := proposer.Propose(way)
	_, back := proposer.Propose(way.Back())
	return cmp.Or(there, back)
}
