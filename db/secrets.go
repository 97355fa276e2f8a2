package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// longestSecret is room for a private key; a BGP password has 80 characters at most (RFC 2385 §4.5).
const longestSecret = 16 << 10 // bytes

var errNoKeeper = peering.NewError(peering.Unavailable, "this process has no key for stored secrets: set PEERFLOW_KEY_FILE")

// HoldsSecrets says whether any secret is stored, whichever key sealed it.
func (d *DB) HoldsSecrets(ctx context.Context) (bool, error) {
	return d.q.SecretsExist(ctx)
}

// PutSecret seals a clear text as a new version of a named secret. The change log
// tells the version and nothing else.
func (d *DB) PutSecret(ctx context.Context, by peering.Actor, name, clear string) (ref peering.SecretRef, err error) {
	if d.keeper == nil {
		return ref, errNoKeeper
	}
	if clear == "" || len(clear) > longestSecret {
		return ref, peering.Errorf(peering.Invalid, "secret %s: give 1 to %d bytes", name, longestSecret)
	}
	err = d.Write(ctx, by, func(tx *Tx) error {
		next, err := tx.q.SecretNext(ctx, name)
		if err != nil {
			return err
		}
		ref = peering.SecretRef{ID: next.ID, Version: next.Version}
		keyID, sealed, err := d.keeper.Seal(ctx, []byte(clear), placeOf(ref))
		if err != nil {
			return fmt.Errorf("seal secret %d: %w", ref.ID, err)
		}
		err = tx.q.SecretVersionInsert(ctx, dbsqlc.SecretVersionInsertParams{SecretID: ref.ID, Version: ref.Version, KeyID: keyID, Ciphertext: sealed})
		if err != nil {
			return err
		}
		return tx.Log(ctx, "secret", ref.ID, fmt.Sprintf("version %d set", ref.Version), nil, map[string]any{"name": name, "version": ref.Version})
	})
	return ref, err
}

// Resolve opens one version of a secret. Only the last step of a driver calls it.
func (d *DB) Resolve(ctx context.Context, ref peering.SecretRef) (string, error) {
	if d.keeper == nil {
		return "", errNoKeeper
	}
	sealed, err := d.q.SecretVersionGet(ctx, dbsqlc.SecretVersionGetParams{SecretID: ref.ID, Version: ref.Version})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", peering.Errorf(peering.NotFound, "secret %d has no version %d", ref.ID, ref.Version)
	}
	if err != nil {
		return "", fmt.Errorf("read secret %d: %w", ref.ID, translate(err))
	}
	clear, err := d.keeper.Open(ctx, sealed.KeyID, sealed.Ciphertext, placeOf(ref))
	if err != nil {
		return "", fmt.Errorf("open secret %d version %d: %w", ref.ID, ref.Version, err)
	}
	return string(clear), nil
}

// fewNamed is how many of the things that stand in the way an error names.
const fewNamed = 10

var secretList = listing{table: "secret", bare: true, search: []string{"t.name"}, fields: map[string]field{
	"id":         {expr: "t.id", kind: number},
	"name":       {expr: "t.name", kind: word},
	"version":    {expr: "t.version", kind: number},
	"created_at": {expr: "t.created_at", kind: moment},
}}

// SecretFilters describes the filters of ListSecrets.
func (d *DB) SecretFilters() []peering.FilterField { return secretList.describe() }

// ListSecrets tells of secrets, never their values, by id or backwards.
func (d *DB) ListSecrets(ctx context.Context, filters []peering.Filter, p peering.Page) (peering.List[peering.Secret], error) {
	return page(ctx, d, secretList, secretsByID, filters, p)
}

func secretsByID(ctx context.Context, q *dbsqlc.Queries, ids []int64) ([]peering.Secret, error) {
	rows, err := q.SecretRows(ctx, ids)
	if err != nil {
		return nil, err
	}
	uses, err := q.SecretUses(ctx, ids)
	if err != nil {
		return nil, err
	}
	used := map[int64][]peering.SecretUse{}
	for _, u := range uses {
		used[u.SecretID] = append(used[u.SecretID], peering.SecretUse{Object: u.Object, ID: u.ID, Name: u.Name, Version: u.Version})
	}
	secrets := make([]peering.Secret, len(rows))
	for i, r := range rows {
		secrets[i] = peering.Secret{ID: r.ID, Name: r.Name, Version: r.Version, SetAt: r.SetAt.UTC(), SetBy: r.SetBy, UsedBy: listOf(used[r.ID])}
	}
	return secrets, nil
}

// Secret tells of one secret by its name.
func (d *DB) Secret(ctx context.Context, name string) (s peering.Secret, err error) {
	err = d.read(ctx, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		s, err = secretNamed(ctx, q, name)
		return err
	})
	return s, err
}

func secretNamed(ctx context.Context, q *dbsqlc.Queries, name string) (peering.Secret, error) {
	row, err := q.SecretByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Secret{}, peering.Errorf(peering.NotFound, "there is no secret named %q", name)
	}
	if err != nil {
		return peering.Secret{}, err
	}
	found, err := secretsByID(ctx, q, []int64{row.ID})
	if err != nil || len(found) == 0 {
		return peering.Secret{}, cmp.Or(err, missing("secret", row.ID))
	}
	return found[0], nil
}

// DeleteSecret removes a secret with all its versions; kind conflict names what
// refers to one, the routers that run one, or the changes whose plan shows one.
func (d *DB) DeleteSecret(ctx context.Context, by peering.Actor, name string) error {
	return d.Write(ctx, by, func(tx *Tx) error {
		s, err := secretNamed(ctx, tx.q, name)
		if err != nil {
			return err
		}
		if len(s.UsedBy) > 0 {
			var uses []string
			for _, u := range s.UsedBy {
				uses = append(uses, u.String())
			}
			return peering.Errorf(peering.Conflict, "secret %s is used by %s: take it from there first", name, peering.Some(uses, fewNamed, ", "))
		}
		placeholder := fmt.Sprintf("{secret:%d@", s.ID)
		running, err := tx.q.SecretRunsOn(ctx, placeholder)
		if err != nil {
			return err
		}
		if len(running) > 0 {
			return peering.Errorf(peering.Conflict, "secret %s is in the configuration that runs on %s, or on its way there: deploy one without it first (peerflow router deploy)",
				name, peering.Some(running, fewNamed, ", "))
		}
		planned, err := tx.q.SecretPlannedBy(ctx, placeholder)
		if err != nil {
			return err
		}
		if len(planned) > 0 {
			var changes []string
			for _, id := range planned {
				changes = append(changes, fmt.Sprintf("change %d", id))
			}
			return peering.Errorf(peering.Conflict, "secret %s stands in the plan of %s: wait until it ends, or cancel it first (peerflow change cancel %d)",
				name, peering.Some(changes, fewNamed, ", "), planned[0])
		}
		if _, err := tx.q.SecretDelete(ctx, s.ID); err != nil {
			return stillUsed("secret", s.ID, err)
		}
		return tx.Log(ctx, "secret", s.ID, "delete", map[string]any{"name": name, "version": s.Version}, nil)
	})
}

// placeOf binds a ciphertext to its row: copied to another it doesn't open.
func placeOf(ref peering.SecretRef) []byte {
	return fmt.Appendf(nil, "peerflow secret %d version %d", ref.ID, ref.Version)
}
