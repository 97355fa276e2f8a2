package temporalserver

import (
	"errors"
	"os"
	"testing"

	"go.temporal.io/sdk/temporal"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopShared()
	os.Exit(code)
}

func TestUpdateWithValidatorAndSearchAttributes(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	t.Logf("from an empty folder to ready: %v", s.took)
	c := connect(t, s, testSecret)
	runWorker(t, c)
	ctx := limit(t)
	run, err := startAwait(ctx, c, "change/update")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := approve(ctx, c, "change/update", ""); err == nil {
		t.Error("the validator's refusal got lost")
	} else if refusal := new(temporal.ApplicationError); !errors.As(err, &refusal) || refusal.Type() != "Refused" {
		t.Errorf("refused by %v", err)
	}
	if answer, err := approve(ctx, c, "change/update", "dave"); err != nil || answer != "approved by dave" {
		t.Fatalf("%q, %v", answer, err)
	}
	var by string
	if err := run.Get(ctx, &by); err != nil || by != "dave" {
		t.Fatalf("%q, %v", by, err)
	}
}
