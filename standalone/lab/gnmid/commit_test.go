package gnmid

import (
	"os"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func with(r *gpb.SetRequest, x ...*gnmi_ext.Extension) *gpb.SetRequest {
	r.Extension = x
	return r
}

func alone(x ...*gnmi_ext.Extension) *gpb.SetRequest { return with(&gpb.SetRequest{}, x...) }

func extend(id string, d time.Duration) *gnmi_ext.Extension {
	return &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_Commit{Commit: &gnmi_ext.Commit{Id: id, Action: &gnmi_ext.Commit_SetRollbackDuration{
		SetRollbackDuration: &gnmi_ext.CommitSetRollbackDuration{RollbackDuration: durationpb.New(d)},
	}}}}
}

func (b *bench) set(r *gpb.SetRequest) error {
	_, err := b.client.Set(b.ctx(), r)
	return err
}

func (b *bench) mustSet(r *gpb.SetRequest) {
	b.Helper()
	if err := b.set(r); err != nil {
		b.Fatal(err)
	}
}

// gNMI commit confirmed, 3.2.1 to 3.2.4, in the order of the document.
func TestCommitConfirmedKeepsToItsSpecification(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.2.")
	for name, c := range map[string]struct {
		request *gpb.SetRequest
		want    codes.Code
	}{
		"confirm with nothing pending": {alone(commit("a", "confirm")), codes.FailedPrecondition},
		"cancel with nothing pending":  {alone(commit("a", "cancel")), codes.FailedPrecondition},
		"extend with nothing pending":  {alone(extend("a", time.Minute)), codes.FailedPrecondition},
		"commit without an id":         {with(addNeighbor(), commit("", time.Minute)), codes.InvalidArgument},
		"commit without an action":     {with(addNeighbor(), commit("a", nil)), codes.InvalidArgument},
		"commit for a negative time":   {with(addNeighbor(), commit("a", -time.Second)), codes.InvalidArgument},
	} {
		if got := status.Code(b.set(c.request)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	b.mustSet(with(addNeighbor(), commit("a", time.Minute)))
	for name, c := range map[string]struct {
		request *gpb.SetRequest
		want    codes.Code
	}{
		"a second commit":                 {with(addNeighbor(), commit("b", time.Minute)), codes.FailedPrecondition},
		"the same commit again":           {with(addNeighbor(), commit("a", time.Minute)), codes.FailedPrecondition},
		"a Set without extension":         {&gpb.SetRequest{Delete: []*gpb.Path{neighborPath("192.0.2.11")}}, codes.FailedPrecondition},
		"confirm with another id":         {alone(commit("b", "confirm")), codes.InvalidArgument},
		"cancel with another id":          {alone(commit("b", "cancel")), codes.InvalidArgument},
		"extend with another id":          {alone(extend("b", time.Minute)), codes.InvalidArgument},
		"extend by nothing":               {alone(extend("a", 0)), codes.InvalidArgument},
		"confirm that amends":             {with(addNeighbor(), commit("a", "confirm")), codes.InvalidArgument},
		"no action on the pending commit": {alone(commit("a", nil)), codes.InvalidArgument},
	} {
		if got := status.Code(b.set(c.request)); got != c.want {
			t.Errorf("in the window, %s: %v, want %v", name, got, c.want)
		}
	}
	if !b.has(neighborPath("192.0.2.11")) {
		t.Fatal("the refusals took the pending commit away")
	}
	b.mustSet(alone(commit("a", "cancel")))
	if b.has(neighborPath("192.0.2.11")) || b.has(policyPath("only-documentation")) {
		t.Fatal("cancel left something behind")
	}
	if !b.has(neighborPath("192.0.2.10")) {
		t.Fatal("cancel took the base away")
	}
}

func TestRollbackTimerRestoresTheBaseAndCanBeMoved(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.3.")
	b.mustSet(with(addNeighbor(), commit("a", time.Hour)))
	b.mustSet(alone(extend("a", time.Second)))
	poll(t, "the base", func() bool { return !b.has(neighborPath("192.0.2.11")) })
	wantCode(t, b.set(alone(commit("a", "confirm"))), codes.FailedPrecondition)
}

func TestConfirmedCommitSurvivesAPowerCutAndAnUnconfirmedOneDoesNot(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.4.")
	b.mustSet(with(addNeighbor(), commit("a", time.Minute)))
	if err := b.target.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.has(neighborPath("192.0.2.11")) {
		t.Fatal("an unconfirmed commit was booted")
	}
	wantCode(t, b.set(alone(commit("a", "confirm"))), codes.FailedPrecondition)
	b.mustSet(with(addNeighbor(), commit("b", time.Minute)))
	b.mustSet(alone(commit("b", "confirm")))
	b.target.KillHard()
	again, err := Start(t.Context(), b.config(b.target.cfg.Dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	if again.CertificatePEM() != b.target.CertificatePEM() || again.Address() != b.target.Address() {
		t.Fatal("the certificate or the address changed in a restart")
	}
	b.target = again
	b.client = b.dial()
	if !b.has(neighborPath("192.0.2.11")) || !b.has(neighborPath("192.0.2.10")) {
		t.Fatal("a confirmed commit was lost")
	}
}

func TestExplicitSaveIsWhatARestartLoads(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.5.")
	b.target.cfg.SaveExplicitly = true
	save := &gpb.SetRequest{Update: []*gpb.Update{val(path("datastore", "config", "save"), "true")}}
	b.mustSet(with(addNeighbor(), commit("a", time.Minute)))
	wantCode(t, b.set(save), codes.FailedPrecondition)
	b.mustSet(alone(commit("a", "confirm")))
	before, err := os.ReadFile(b.target.bootPath())
	if err != nil {
		t.Fatal(err)
	}
	b.mustSet(save)
	after, err := os.ReadFile(b.target.bootPath())
	if err != nil || string(after) == string(before) {
		t.Fatalf("save wrote nothing: %v", err)
	}
	amended := addNeighbor()
	amended.Update = save.GetUpdate()
	wantCode(t, b.set(amended), codes.InvalidArgument)
}

func TestValidateOnlyJudgesAndLoadsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.6.")
	judge := val(path("datastore", "config", "validate-only"), "true")
	good := addNeighbor()
	good.Update = append(good.Update, judge)
	b.mustSet(good)
	bad := &gpb.SetRequest{Replace: []*gpb.Update{val(neighborPath("192.0.2.11"), neighbor11)}, Update: []*gpb.Update{judge}}
	wantCode(t, b.set(bad), codes.InvalidArgument) // its policy doesn't exist
	if b.has(neighborPath("192.0.2.11")) || b.target.generation != 1 {
		t.Fatal("a judgement was loaded")
	}
}

func TestAnotherWriterOnTheConsoleEndsThePendingCommitForGood(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.7.")
	b.mustSet(with(addNeighbor(), commit("a", time.Second)))
	if err := b.target.OperatorSet(t.Context(), &gpb.SetRequest{Update: []*gpb.Update{val(neighborPath("192.0.2.10", "config", "description"), `"by hand"`)}}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.set(alone(commit("a", "confirm"))), codes.FailedPrecondition)
	if err := b.target.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !b.has(neighborPath("192.0.2.11")) || !b.has(neighborPath("192.0.2.10", "config", "description")) {
		t.Fatal("what the other writer kept is gone")
	}
}

func arbitration(low uint64) *gnmi_ext.Extension {
	return &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_MasterArbitration{MasterArbitration: &gnmi_ext.MasterArbitration{
		Role: &gnmi_ext.Role{Id: "peerflow"}, ElectionId: &gnmi_ext.Uint128{Low: low},
	}}}
}

func TestMasterArbitrationRefusesAnOlderElection(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.8.")
	b.mustSet(alone(arbitration(7)))
	wantCode(t, b.set(with(addNeighbor(), arbitration(6))), codes.PermissionDenied)
	if b.has(neighborPath("192.0.2.11")) {
		t.Fatal("an older master wrote")
	}
	b.mustSet(with(addNeighbor(), arbitration(7), commit("a", time.Minute)))
	wantCode(t, b.set(alone(arbitration(6), commit("a", "confirm"))), codes.PermissionDenied)
	b.mustSet(alone(arbitration(8), commit("a", "confirm")))
	wantCode(t, b.set(alone(&gnmi_ext.Extension{Ext: &gnmi_ext.Extension_MasterArbitration{MasterArbitration: &gnmi_ext.MasterArbitration{}}})), codes.InvalidArgument)
}
