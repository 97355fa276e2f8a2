package db

import (
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

// SecretByName names the newest version of a secret.
func (d *DB) SecretByName(ctx context.Context, name string) (peering.SecretRef, error) {
	row, err := d.q.SecretByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.SecretRef{}, peering.Errorf(peering.NotFound, "there is no secret named %q", name)
	}
	return peering.SecretRef{ID: row.ID, Version: row.Version}, translate(err)
}

// placeOf binds a ciphertext to its row: copied to another it doesn't open.
func placeOf(ref peering.SecretRef) []byte {
	return fmt.Appendf(nil, "peerflow secret %d version %d", ref.ID, ref.Version)
}
