package db_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// box is a keeper for tests: one key, in memory.
type box struct{ cipher.AEAD }

func withKeeper(t *testing.T) *db.DB {
	t.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.Sealed(t, box{sealer})
}

func (b box) Seal(_ context.Context, plaintext, additional []byte) (string, []byte, error) {
	return "box", b.AEAD.Seal(nil, nil, plaintext, additional), nil
}

func (b box) Open(_ context.Context, _ string, ciphertext, additional []byte) ([]byte, error) {
	text, err := b.AEAD.Open(nil, nil, ciphertext, additional)
	if err != nil {
		return nil, peering.NewError(peering.Invalid, "it doesn't open")
	}
	return text, nil
}

func TestSecretsKeepTheirVersions(t *testing.T) {
	t.Parallel()
	d := withKeeper(t)
	first, err := d.PutSecret(t.Context(), anna, "md5 AS64501", "one")
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.PutSecret(t.Context(), anna, "md5 AS64501", "two")
	if err != nil || second.ID != first.ID || first.Version != 1 || second.Version != 2 {
		t.Errorf("%v then %v, %v: want versions 1 and 2 of one secret", first, second, err)
	}
	for ref, want := range map[peering.SecretRef]string{first: "one", second: "two"} {
		if got, err := d.Resolve(t.Context(), ref); err != nil || got != want {
			t.Errorf("%v resolves to %q, %v", ref, got, err)
		}
	}
	if got, err := d.Secret(t.Context(), "md5 AS64501"); err != nil || got.ID != second.ID || got.Version != 2 || got.SetBy != anna.Name || got.SetAt.IsZero() {
		t.Errorf("by name: %v, %v", got, err)
	}
	_, err = d.Resolve(t.Context(), peering.SecretRef{ID: first.ID, Version: 9})
	wantKind(t, "a version that isn't there", err, peering.NotFound)
	_, err = d.PutSecret(t.Context(), anna, "md5 AS64501", "")
	wantKind(t, "an empty secret", err, peering.Invalid)
	_, err = d.PutSecret(t.Context(), anna, "", "three")
	wantKind(t, "a secret without a name", err, peering.Invalid)
	_, err = dbtest.New(t).PutSecret(t.Context(), anna, "x", "y")
	wantKind(t, "a process without a key", err, peering.Unavailable)
}

func TestCiphertextMovedToAnotherSecretDoesNotOpen(t *testing.T) {
	t.Parallel()
	d := withKeeper(t)
	mine, errMine := d.PutSecret(t.Context(), anna, "mine", "mine")
	other, errOther := d.PutSecret(t.Context(), anna, "other", "theirs")
	if errMine != nil || errOther != nil {
		t.Fatal(errMine, errOther)
	}
	sqlRun(t, d, `UPDATE secret_version SET (key_id, ciphertext) = (SELECT key_id, ciphertext FROM secret_version WHERE secret_id = $1)
		WHERE secret_id = $2`, other.ID, mine.ID)
	if clear, err := d.Resolve(t.Context(), mine); peering.KindOf(err) != peering.Invalid {
		t.Errorf("it opens as %q, %v", clear, err)
	}
}

func TestNoTableHoldsAClearSecret(t *testing.T) {
	t.Parallel()
	d := withKeeper(t)
	n := smallNetwork(t, d)
	const canary = "canary-bY7wq0"
	ref, err := d.PutSecret(t.Context(), anna, "md5", canary)
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`{"password": {"id": %d, "version": %d}}`, ref.ID, ref.Version)
	if _, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, []byte(patch)); err != nil {
		t.Fatal(err)
	}
	token, _, err := d.MintToken(t.Context(), anna, newUser(t, d, "bob", peering.Operator).ID, "laptop", []peering.Role{peering.Operator}, neverExpires)
	if err != nil {
		t.Fatal(err)
	}
	dump := dumpOf(t, d)
	if !bytes.Contains(dump, []byte("version 1 set")) || !bytes.Contains(dump, []byte("ams-1")) {
		t.Fatal("the dump lacks what was written: it proves nothing")
	}
	for _, clear := range []string{canary, token} {
		for form, text := range map[string]string{"as it is": clear, "in hex": hex.EncodeToString([]byte(clear)),
			"in base64": base64.StdEncoding.EncodeToString([]byte(clear))} {
			if bytes.Contains(dump, []byte(text)) {
				t.Errorf("the database holds %q %s", clear, form)
			}
		}
	}
}

// dumpOf is every row of every table as text.
func dumpOf(t *testing.T, d *db.DB) []byte {
	t.Helper()
	rows, err := d.Pool().Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	var dump bytes.Buffer
	for _, table := range tables {
		if _, err := conn.Conn().PgConn().CopyTo(context.Background(), &dump, "COPY "+table+" TO STDOUT"); err != nil {
			t.Fatal(err)
		}
	}
	return dump.Bytes()
}
