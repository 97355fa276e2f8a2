package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Commands records what people tell changes to do.
type Commands interface {
	AddCommand(ctx context.Context, by peering.Actor, changeID int64, kind peering.CommandKind, reason string) (peering.Command, error)
}

type commandInput struct {
	ByID
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

func (s *server) registerCommands() {
	for _, c := range []struct {
		path, summary, description string
		kind                       peering.CommandKind
		role                       peering.Role
	}{
		{"cancel", "Cancel a change", "Refused from the commit on: then roll back now.", peering.CommandCancel, peering.Operator},
		{"roll-back", "Roll back now", "Until the confirm, lets the router return to what it ran before, without approval. A change that completed, or did in part, " +
			"is undone by a new one, named by change_id and Location, which restores the records that it wrote and is approved like any other; refused " +
			"when one of them was written again since.", peering.CommandRollBack, peering.Operator},
		{"confirm-now", "Confirm now", "Ends the soak early, in your name and with what wasn't checked. Refused when a check has failed.", peering.CommandConfirmNow, peering.Approver},
		{"resolve", "Resolve what needs an operator", "Reads the router first, and records what it runs.", peering.CommandResolve, peering.Operator},
		{"revoke", "Take a vote back", "Possible until the commit.", peering.CommandRevoke, peering.Approver},
	} {
		add(s, operation{method: http.MethodPost, path: "/api/v1/changes/{id}/" + c.path, role: c.role, tag: "changes", status: http.StatusAccepted,
			summary: c.summary, description: c.description}, s.command(c.kind))
	}
}

// commanded is the answer to a command.
type commanded struct {
	Location string `header:"Location" doc:"where the change is that undoes this one, when one was opened"`
	Body     peering.Command
}

func (s *server) command(kind peering.CommandKind) func(context.Context, *commandInput) (*commanded, error) {
	return func(ctx context.Context, in *commandInput) (*commanded, error) {
		reason := ""
		if in.Body != nil {
			reason = in.Body.Reason
		}
		command, err := s.Commands.AddCommand(ctx, ActorOf(ctx), in.ID, kind, reason)
		if err != nil {
			return nil, err
		}
		if command.ChangeID != 0 {
			s.start(ctx, command.ChangeID)
			return &commanded{Location: changeAt(command.ChangeID), Body: command}, nil
		}
		s.wake(ctx, in.ID, string(kind))
		return &commanded{Body: command}, nil
	}
}
