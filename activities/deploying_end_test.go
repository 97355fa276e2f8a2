package activities

import (
	"testing"

	"peerflow/internal/peering"
)

// Whoever orders an end that only a read of the router can give, before anything
// was sent, gets the step that record and router call for.
func TestAnEndThatNobodyReadIsNotRecorded(t *testing.T) {
	t.Parallel()
	for _, state := range []peering.DeploymentState{peering.DeploymentConfirmed, peering.DeploymentInterfered, peering.DeploymentRolledBack, peering.DeploymentNeedsOperator} {
		r := underWay() // recording an end would panic: there is no store for it
		next, err := r.give(t, func(d *Deploying) any { return d.EndDeployment }, EndInput{Deployment: 7, State: state, Text: "trust me"}, peering.LabProfile)
		if err != nil {
			t.Fatal(err)
		}
		if next.Step != peering.StepCommit || r.dep.State != peering.DeploymentCommitting {
			t.Errorf("%s: next %+v, deployment %s", state, next, r.dep.State)
		}
	}
}
