package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BirdConfig says what a BIRD router boots.
type BirdConfig struct {
	// Main is the text of its main file, written only when the folder has none:
	// a lab that starts again in the same folder boots what it left there.
	Main string
}

// Bird is a running BIRD daemon with its files in one folder.
type Bird struct {
	Dir    string
	Main   string // main configuration file
	Owned  string // file of our part, which the main file may include as "peerflow/owned.conf"
	Socket string // control socket, in a folder of its own: its path may have 107 bytes at most
	Log    string

	bird, birdc string
	socketDir   string
	proc        *process
}

// StartBird starts BIRD in the foreground as the current user and returns once it
// answers. ctx bounds the start alone; Close ends the daemon.
func StartBird(ctx context.Context, dir string, c BirdConfig) (*Bird, error) {
	b, err := newBird(dir)
	if err != nil {
		return nil, err
	}
	if err := b.writeFiles(c); err != nil {
		return nil, err
	}
	if b.socketDir, err = os.MkdirTemp("", "bird-"); err != nil {
		return nil, err
	}
	b.Socket = filepath.Join(b.socketDir, "c")
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.socketDir))
	}
	return b, nil
}

func newBird(dir string) (*Bird, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b := &Bird{
		Dir: dir, Main: filepath.Join(dir, "bird.conf"), Owned: filepath.Join(dir, "peerflow", "owned.conf"),
		Log: filepath.Join(dir, "bird.log"),
	}
	if b.bird, err = program("bird", "bird2"); err != nil {
		return nil, err
	}
	b.birdc, err = program("birdc", "bird2")
	return b, err
}

func (b *Bird) writeFiles(c BirdConfig) error {
	if err := os.MkdirAll(filepath.Dir(b.Owned), 0o750); err != nil {
		return err
	}
	if err := writeMissing(b.Main, c.Main); err != nil {
		return err
	}
	return writeMissing(b.Owned, "")
}

func writeMissing(file, text string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o640)
}

func (b *Bird) start(ctx context.Context) (err error) {
	b.proc, err = launch(b.Log, b.bird, "-f", "-c", b.Main, "-s", b.Socket)
	if err != nil {
		return err
	}
	return b.proc.await(ctx, "BIRD", b.Log, func() bool {
		out, err := b.Birdc(ctx, "show", "status")
		return err == nil && strings.Contains(out, "up and running")
	})
}

// Birdc runs one command on the control socket and gives what BIRD said. It is
// how a test plays the person who works on the router by hand.
func (b *Bird) Birdc(ctx context.Context, command ...string) (string, error) {
	out, err := exec.CommandContext(ctx, b.birdc, append([]string{"-s", b.Socket}, command...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("birdc %s: %w: %s", strings.Join(command, " "), err, out)
	}
	return string(out), nil
}

// Restart kills the daemon as a crash would and boots it from its main file.
func (b *Bird) Restart(ctx context.Context) error {
	if err := b.proc.kill(); err != nil {
		return err
	}
	return b.start(ctx)
}

// Settings are the BIRD driver's settings for this router.
func (b *Bird) Settings() json.RawMessage {
	raw, _ := json.Marshal(map[string]string{ // three strings always marshal
		"main": b.Main, "owned": b.Owned, "birdc": b.birdc + " -s " + b.Socket,
	})
	return raw
}

// PID is the daemon's process id.
func (b *Bird) PID() int { return b.proc.cmd.Process.Pid }

// Close ends the daemon and leaves its files.
func (b *Bird) Close() error {
	return errors.Join(b.proc.close(), os.RemoveAll(b.socketDir))
}
