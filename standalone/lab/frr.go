package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// FRRConfig says what FRR's BGP daemon boots.
type FRRConfig struct {
	Address netip.Addr // in 127/8, on which it listens
	Port    int        // BGP port; 0 is DefaultBGPPort
	// Main is its boot configuration. On loopback it needs "bgp allow-martian-nexthop" once routes are exchanged.
	Main string
}

// FRR is a running bgpd without zebra: it speaks BGP and touches no kernel route.
type FRR struct {
	Dir string
	Log string

	vtysh   string
	sockets string // folder of the vty socket: its path may have 107 bytes at most
	proc    *process
}

// StartFRR starts bgpd in the foreground as the current user and returns once it
// answers. ctx bounds the start alone; Close ends the daemon.
func StartFRR(ctx context.Context, dir string, c FRRConfig) (*FRR, error) {
	vtysh, err := program("vtysh", "frr")
	if err != nil {
		return nil, err
	}
	bgpd, err := program("/usr/lib/frr/bgpd", "frr")
	if err != nil {
		return nil, err
	}
	if c.Port == 0 {
		c.Port = DefaultBGPPort
	}
	f := &FRR{Dir: dir, Log: filepath.Join(dir, "bgpd.log"), vtysh: vtysh}
	if f.sockets, err = os.MkdirTemp("", "frr-"); err != nil {
		return nil, err
	}
	if err := f.start(ctx, bgpd, c); err != nil {
		return nil, errors.Join(err, os.RemoveAll(f.sockets))
	}
	return f, nil
}

func (f *FRR) start(ctx context.Context, bgpd string, c FRRConfig) (err error) {
	main, settings := filepath.Join(f.Dir, "bgpd.conf"), filepath.Join(f.sockets, "vtysh.conf") // which vtysh misses loudly
	if err := errors.Join(os.WriteFile(main, []byte(c.Main), 0o640), os.WriteFile(settings, nil, 0o640)); err != nil {
		return err
	}
	f.proc, err = launch(f.Log, bgpd, "--no_zebra", "--skip_runas", "--log", "stdout", "--vty_port", "0",
		"--config_file", main, "--pid_file", filepath.Join(f.sockets, "pid"), "--vty_socket", f.sockets,
		"--listenon", c.Address.String(), "--bgp_port", strconv.Itoa(c.Port))
	if err != nil {
		return err
	}
	return f.proc.await(ctx, "FRR's bgpd", f.Log, func() bool {
		out, err := f.Vtysh(ctx, "show version")
		return err == nil && strings.Contains(out, "FRRouting")
	})
}

// Vtysh runs one command and gives what FRR said.
func (f *FRR) Vtysh(ctx context.Context, command string) (string, error) {
	return f.run(ctx, "-c", command)
}

// Load reads a configuration over what runs, as an operator's vtysh -f does. FRR says something of a line it refuses,
// and goes on with the next: whatever it says is an error.
func (f *FRR) Load(ctx context.Context, text string) error {
	file := filepath.Join(f.Dir, "load.conf")
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		return err
	}
	out, err := f.run(ctx, "-f", file)
	if err == nil && strings.TrimSpace(out) != "" {
		err = fmt.Errorf("FRR refuses a part of the text: %s", out)
	}
	return err
}

func (f *FRR) run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, f.vtysh, append([]string{"--vty_socket", f.sockets, "--config_dir", f.sockets}, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("vtysh %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Close ends the daemon and leaves its files.
func (f *FRR) Close() error {
	return errors.Join(f.proc.close(), os.RemoveAll(f.sockets))
}
