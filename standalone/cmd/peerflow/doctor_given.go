package main

import (
	"context"
	"fmt"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/peering"
)

// databaseSeen is what was found of a database that the operator names.
type databaseSeen struct {
	db.Survey
	off string // by how much this machine's clock differs from its own; "" within peering.MaxSkew
}

func (m machine) lookAtDatabase(ctx context.Context, c cmd.Config) (seen databaseSeen, err error) {
	database, err := db.Open(ctx, c.DatabaseURL, db.Options{MaxConns: 1})
	if err != nil {
		return seen, err
	}
	defer database.Close()
	if seen.Survey, err = database.Survey(ctx); err != nil {
		return seen, err
	}
	asked := m.now()
	theirs, err := database.DatabaseTime(ctx)
	seen.off = peering.Skew(asked, theirs, m.now())
	return seen, err
}

func databaseTold(seen databaseSeen, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text := "PostgreSQL " + seen.Server + ", the schema is current"
	if n := len(seen.Lacks); n > 0 {
		text = fmt.Sprintf("PostgreSQL %s, %d migrations are missing (the first is %d): up applies them, as peerflow migrate does", seen.Server, n, seen.Lacks[0])
	}
	return text, nil
}

func lookAtTemporal(ctx context.Context, c cmd.Config) (string, error) {
	seen, err := cmd.SurveyTemporal(ctx, c)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s, server %s, namespace %s", c.TemporalAddress, seen.Server, seen.Namespace)
	if seen.Lacks {
		text += " without peerflow's search attributes: up registers them, as peerflow migrate does"
	}
	return text, nil
}
