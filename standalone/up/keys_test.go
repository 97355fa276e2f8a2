package up_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/secret"
	"peerflow/standalone/up"
)

// On a database that isn't its own, up makes a key only while nothing is sealed there with another one.
func TestAFreshFolderMakesNoKeyBesideStoredSecrets(t *testing.T) {
	t.Parallel()
	for name, sealed := range map[string]bool{"nothing stored": false, "a secret stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, dir := dbtest.URL(t), place(t)
			if sealed {
				keeper, err := secret.OpenFile(filepath.Join(dir, "elsewhere.key"), true)
				must(t, err)
				_, err = dbtest.Open(t, url, db.Options{Keeper: keeper}).PutSecret(t.Context(), peering.Actor{Kind: peering.ActorImport, Name: "a test"}, "edge1 login", "topsecret")
				must(t, err)
			}
			data := filepath.Join(dir, "data")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			stack, err := up.Start(ctx, up.Options{DataDir: data, Listen: "127.0.0.1:0", Out: io.Discard,
				Given: cmd.Config{DatabaseURL: url, TemporalAddress: "127.0.0.1:1", Namespace: "default"}}) // where no Temporal is: it never comes further
			if err == nil {
				must(t, stack.Stop(t.Context()))
				t.Fatal("it came up")
			}
			missing := strings.Contains(err.Error(), "secrets.key is missing: restore it")
			_, made := os.Stat(filepath.Join(data, "secrets.key"))
			if missing != sealed || (made == nil) == sealed {
				t.Errorf("%v; the key file: %v", err, made)
			}
		})
	}
}
