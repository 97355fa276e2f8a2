package lab_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"peerflow/internal/bgp"
	"peerflow/standalone/lab"
)

// A second run of this test binary plays a program that is killed: it starts a lab, tells the pids and waits.
const victim = "PEERFLOW_LAB_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		playVictim(dir)
	}
	os.Exit(m.Run())
}

func playVictim(dir string) {
	ctx := context.Background()
	bird, err := lab.StartBird(ctx, dir+"/bird", lab.BirdConfig{Main: "router id 192.0.2.1;\nprotocol device { }\n"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	sshd, err := lab.StartSSHD(ctx, dir+"/sshd", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("pids", bird.PID(), sshd.PID())
	select {}
}

func TestDaemonsEndWithTheProgramThatIsKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pids, ok := strings.CutPrefix(strings.TrimSpace(line), "pids ")
	if !ok {
		t.Fatalf("the program says %q", line)
	}
	for pid := range strings.FieldsSeq(pids) {
		if !runs(pid) {
			t.Errorf("process %s isn't there before the kill", pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for pid := range strings.FieldsSeq(pids) {
		await(t, ctx, "process "+pid+" ends", func() bool { return !runs(pid) })
	}
}

// runs tells whether a process lives; one that waits for its parent's look doesn't.
func runs(pid string) bool {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestSSHDAdmitsItsKeyAlone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	s, err := lab.StartSSHD(ctx, dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey([]byte(s.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	login := func(auth ssh.AuthMethod) (*ssh.Client, error) {
		return ssh.Dial("tcp", s.Address, &ssh.ClientConfig{User: s.Username, Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.FixedHostKey(host)})
	}
	if _, err := login(ssh.Password("")); err == nil {
		t.Error("a password was admitted")
	}
	client, err := login(ssh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.Output("echo $((6*7)) $HOME"); err != nil || string(out) != "42 "+dir+"\n" {
		t.Errorf("a command gave %q, %v: it wants an answer, and a home without anybody's ~/.bashrc", out, err)
	}
	s.DropSessions()
	ended := make(chan struct{})
	go func() { _ = client.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("a dropped login lives on")
	}
	again, err := lab.StartSSHD(ctx, dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.HostKey != s.HostKey || again.PrivateKey != s.PrivateKey {
		t.Error("a second start in the same folder has other keys")
	}
}

func TestWrongPasswordKeepsASessionDown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	edge, right, wrong := netip.MustParseAddr("127.0.67.1"), netip.MustParseAddr("127.0.67.2"), netip.MustParseAddr("127.0.67.3")
	bird, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: lab.EdgeMain(lab.EdgeConfig{
		ASN: 64496, Address: edge, Neighbors: []lab.EdgeNeighbor{
			{Name: "right", ASN: 64497, Address: right, Kind: "peer", Password: "the same"},
			{Name: "wrong", ASN: 64498, Address: wrong, Kind: "peer", Password: "the edge's"},
		},
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer bird.Close()
	var peers []*lab.Peer
	for i, c := range []lab.PeerConfig{
		{ASN: 64497, Address: right, Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: edge, Password: "the same"}}},
		{ASN: 64498, Address: wrong, Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: edge, Password: "the peer's"}}},
	} {
		p, err := lab.StartPeer(ctx, c)
		if err != nil {
			t.Fatal(i, err)
		}
		defer p.Close()
		peers = append(peers, p)
	}
	await(t, ctx, "equal passwords bring the session up", func() bool { return peers[0].State(ctx, edge) == bgp.Established })
	if state := peers[1].State(ctx, edge); state == bgp.Established {
		t.Error("different passwords brought the session up")
	}
	await(t, ctx, "the kernel drops what is signed with another password", func() bool {
		out, _ := bird.Birdc(ctx, "show", "protocols", "wrong")
		return strings.Contains(out, "Connect") || strings.Contains(out, "Active")
	})
}

func TestPIDIsTheDaemons(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	bird, err := lab.StartBird(ctx, dir, lab.BirdConfig{Main: "router id 192.0.2.1;\nprotocol device { }\n"})
	if err != nil {
		t.Fatal(err)
	}
	first := bird.PID()
	if err := bird.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if bird.PID() == first || runs(strconv.Itoa(first)) || !runs(strconv.Itoa(bird.PID())) {
		t.Errorf("restart of %d gave %d", first, bird.PID())
	}
	if err := bird.Close(); err != nil {
		t.Fatal(err)
	}
	if runs(strconv.Itoa(bird.PID())) {
		t.Error("BIRD runs after Close")
	}
	if _, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: "nonsense"}); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("a main file that BIRD refuses gave %v", err)
	}
}
