package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// queueScreen is a screen of a router's queue.
func queueScreen(ctx workflow.Context, s screen) {
	for _, router := range labelsOf(ctx).routers {
		s.can = append(s.can, can{"see the router's neighbors", "peerflow router show " + router})
	}
	s.show(ctx, labels{})
}

func serving(queue []activities.QueuedDeployment) screen {
	head := queue[0]
	return screen{state: "serving", doing: behind(queue),
		waits: fmt.Sprintf("workflow %s, which brings change %d to the router", deploymentID(head.ID), head.Change),
		can:   []can{{"follow it", fmt.Sprintf("peerflow change watch %d", head.Change)}}}
}

func needsOperator(queue []activities.QueuedDeployment) screen {
	head := queue[0]
	return screen{state: string(peering.DeploymentNeedsOperator), turn: peering.TurnUs, doing: behind(queue),
		waits: fmt.Sprintf("an operator: %s of change %d needs one, and holds the queue", deploymentID(head.ID), head.Change),
		can: []can{{"see what is wrong", fmt.Sprintf("peerflow change show %d", head.Change)},
			{"have the router read, once that was mended", fmt.Sprintf("peerflow change resolve %d", head.Change)}}}
}

func behind(queue []activities.QueuedDeployment) string {
	if len(queue) < 2 {
		return ""
	}
	return fmt.Sprintf("%d more behind it.", len(queue)-1)
}
