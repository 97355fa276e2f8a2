package lab

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// SSHD is Debian's sshd, open to the current user with one key.
type SSHD struct {
	Address    string // host:port
	Username   string
	HostKey    string // in authorized_keys form
	PrivateKey string // the login key, PEM
	Log        string

	proc *process
}

// sshdConfig admits keys alone, and the current user even when that is root. That
// user's own ~/.bashrc, which Debian's bash reads for each command over SSH, stays
// out: it may take seconds, and it isn't part of any router.
const sshdConfig = `ListenAddress %[1]s
HostKey %[2]s/host_key
PidFile %[2]s/sshd.pid
AuthorizedKeysFile %[2]s/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
UseDNS no
SetEnv HOME=%[2]s
Subsystem sftp internal-sftp
`

// StartSSHD starts sshd at addr (host:port, port 0 takes a free one) and returns
// once it answers. The keys in dir are kept from an earlier start there. More are
// further lines of its configuration.
func StartSSHD(ctx context.Context, dir, addr string, more ...string) (*SSHD, error) {
	binary, err := program("sshd", "openssh-server")
	if err != nil {
		return nil, err
	}
	s, err := prepareSSHD(dir, addr, more)
	if err != nil {
		return nil, err
	}
	s.proc, err = launch(s.Log, binary, "-D", "-e", "-f", filepath.Join(filepath.Dir(s.Log), "sshd_config"))
	if err != nil {
		return nil, err
	}
	return s, s.proc.await(ctx, "sshd", s.Log, s.answers)
}

func prepareSSHD(dir, addr string, more []string) (*SSHD, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), privilegeSeparationFolder()); err != nil {
		return nil, err
	}
	who, err := user.Current()
	if err != nil {
		return nil, err
	}
	s := &SSHD{Username: who.Username, Log: filepath.Join(dir, "sshd.log")}
	if s.Address, err = withPort(addr); err != nil {
		return nil, err
	}
	return s, s.writeFiles(dir, more)
}

// privilegeSeparationFolder makes the folder without which Debian's sshd refuses to start as root.
func privilegeSeparationFolder() error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.MkdirAll("/run/sshd", 0o755)
}

func (s *SSHD) writeFiles(dir string, more []string) (err error) {
	if _, s.HostKey, err = keyPair(filepath.Join(dir, "host_key")); err != nil {
		return err
	}
	login := ""
	if s.PrivateKey, login, err = keyPair(filepath.Join(dir, "login_key")); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(login+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "sshd_config"), fmt.Appendf(nil, sshdConfig+strings.Join(more, "\n")+"\n", s.Address, dir), 0o600),
	)
}

// keyPair reads an Ed25519 key from file, or makes it there. It gives the private
// key in PEM and the public one in authorized_keys form.
func keyPair(file string) (private, public string, err error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = newKey(file)
	}
	if err != nil {
		return "", "", err
	}
	signer, err := ssh.ParsePrivateKey(raw)
	if err != nil {
		return "", "", fmt.Errorf("read %s: %w", file, err)
	}
	return string(raw), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}

func newKey(file string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "peerflow lab")
	if err != nil {
		return nil, err
	}
	raw := pem.EncodeToMemory(block)
	return raw, os.WriteFile(file, raw, 0o600)
}

func withPort(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr, err
	}
	free, err := freePort(host)
	return net.JoinHostPort(host, strconv.Itoa(free)), err
}

func (s *SSHD) answers() bool {
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// DropSessions ends every login that is open now, as a broken path would: the
// commands it started run on by themselves.
func (s *SSHD) DropSessions() {
	for _, pid := range children(s.proc.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// Close ends sshd and the logins on it.
func (s *SSHD) Close() error {
	s.DropSessions()
	return s.proc.close()
}

// PID is the daemon's process id.
func (s *SSHD) PID() int { return s.proc.cmd.Process.Pid }
