package secret

import (
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func TestStoredSecretsComeBackWithTheSameKeyFileAlone(t *testing.T) {
	t.Parallel()
	f, _ := newFile(t)
	d := dbtest.Sealed(t, f)
	ref, err := d.PutSecret(t.Context(), peering.Actor{Kind: peering.ActorSystem, Name: "test"}, "md5 AS64501", "canary")
	if err != nil {
		t.Fatal(err)
	}
	if clear, err := d.Resolve(t.Context(), ref); err != nil || clear != "canary" {
		t.Errorf("%q, %v", clear, err)
	}
	other, _ := newFile(t)
	*f = *other // another key file under the same database
	if _, err := d.Resolve(t.Context(), ref); peering.KindOf(err) != peering.Unavailable {
		t.Errorf("with another key: %v, want unavailable", err)
	}
}
