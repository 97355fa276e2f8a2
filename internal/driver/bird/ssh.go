package bird

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// loginPatience bounds TCP, key exchange and login together.
const loginPatience = 20 * time.Second

// shell runs commands on one SSH login.
type shell struct {
	router string
	client *ssh.Client
}

func dial(ctx context.Context, target driver.Target, login string) (*shell, error) {
	known, err := parseHostKeys(target.HostKey)
	if err != nil {
		return nil, err
	}
	auth, err := authMethods(login)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.Address)
	if err != nil {
		return nil, unreachable(target.Router, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	seen := &hostKeyCheck{known: known}
	c, channels, requests, err := ssh.NewClientConn(conn, target.Address, &ssh.ClientConfig{
		User: target.Username, Auth: auth,
		HostKeyCallback: seen.check, HostKeyAlgorithms: algorithms(known),
	})
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, loginError(ctx, target.Router, seen, err)
	}
	return &shell{router: target.Router, client: ssh.NewClient(c, channels, requests)}, nil
}

func unreachable(router string, err error) error {
	return fmt.Errorf("%s: %w: %w", router, driver.ErrUnreachable, err)
}

// loginError tells whose fault a failed handshake is. Before the host key is
// accepted nothing was said about us; after it, only the login is left to fail.
func loginError(ctx context.Context, router string, seen *hostKeyCheck, err error) error {
	var timeout net.Error
	var mismatch *ssh.AlgorithmNegotiationError
	switch {
	case seen.refused, errors.As(err, &mismatch) && mismatch.What == "host key": // it has none of the recorded kind
		return fmt.Errorf("%s: %w", router, driver.ErrHostKey)
	case ctx.Err() != nil, errors.As(err, &timeout), errors.Is(err, io.EOF):
		return unreachable(router, err)
	case seen.accepted:
		return fmt.Errorf("%s: %w", router, driver.ErrLogin)
	}
	return unreachable(router, err)
}

// hostKeyCheck accepts the recorded keys alone, and remembers what it did.
type hostKeyCheck struct {
	known             []ssh.PublicKey
	accepted, refused bool
}

func (h *hostKeyCheck) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	for _, k := range h.known {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			h.accepted = true
			return nil
		}
	}
	h.refused = true
	return driver.ErrHostKey
}

func parseHostKeys(text string) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	rest := []byte(text)
	for len(bytes.TrimSpace(rest)) > 0 {
		key, _, _, next, err := ssh.ParseAuthorizedKey(rest)
		if err != nil {
			return nil, peering.NewError(peering.Invalid, "the recorded host key can't be read: give it as \"ssh-ed25519 AAAA…\"")
		}
		keys, rest = append(keys, key), next
	}
	if len(keys) == 0 {
		return nil, peering.NewError(peering.Invalid, "no host key is recorded for this router: record the one it shows on its console")
	}
	return keys, nil
}

// algorithms makes the server show a key of the kind that is recorded.
func algorithms(keys []ssh.PublicKey) []string {
	var names []string
	for _, k := range keys {
		if k.Type() == ssh.KeyAlgoRSA {
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		names = append(names, k.Type())
	}
	return names
}

// authMethods reads the login secret: a private key when it looks like one, else a password.
func authMethods(login string) ([]ssh.AuthMethod, error) {
	if strings.Contains(login, "-----BEGIN ") {
		signer, err := ssh.ParsePrivateKey([]byte(login))
		if err != nil {
			return nil, peering.NewError(peering.Invalid, "the router's login secret is no private key that can be read: give an OpenSSH or PEM key without passphrase")
		}
		return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nil
	}
	return []ssh.AuthMethod{ssh.Password(login), ssh.KeyboardInteractive(answerPassword(login))}, nil
}

// answerPassword answers a single hidden question, and no other: a one-time code isn't the password.
func answerPassword(password string) ssh.KeyboardInteractiveChallenge {
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if len(questions) > 1 || echos[0] {
			return nil, errors.New("the router asks for more than a password")
		}
		return []string{password}, nil
	}
}

// result is what a remote command left.
type result struct {
	out  string
	code int
}

// run executes a constant script with arguments. Nothing of a configuration or a
// secret may be among the arguments: other users of the router see them; such
// text goes through stdin. When ctx ends the login ends with it, and what the
// command does then is for a later read to find out.
func (s *shell) run(ctx context.Context, script string, stdin []byte, args ...string) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, unreachable(s.router, err)
	}
	session, err := s.session(ctx)
	if err != nil {
		return result{}, unreachable(s.router, err)
	}
	defer session.Close()
	var out bytes.Buffer
	session.Stdout = &out // the error output is dropped: it could quote a file
	line, words := commandLine(script, args)
	session.Stdin = io.MultiReader(strings.NewReader(words), bytes.NewReader(stdin))
	stop := context.AfterFunc(ctx, func() { s.client.Close() })
	err = session.Run(line)
	if !stop() {
		return result{}, unreachable(s.router, ctx.Err())
	}
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return s.answer(out.String(), 0)
	case errors.As(err, &exit) && exit.Signal() == "":
		return s.answer(out.String(), exit.ExitStatus())
	}
	return result{}, unreachable(s.router, err)
}

// session opens one. Where sshd admits few at once (MaxSessions), the one before may
// count until the command that it ran is cleared away.
func (s *shell) session(ctx context.Context) (*ssh.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	for {
		session, err := s.client.NewSession()
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) {
			return session, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("sshd admits no further session on the login (MaxSessions): %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Between these lines lies what a script printed. The login's shell may print more
// before and after, from its start-up files and traps: none of it is an answer, and
// none of it gets into a copy of the router's files.
const openingLine, closingLine = "peerflow: begin\n", "peerflow: end\n"

func (s *shell) answer(out string, code int) (result, error) {
	_, out, begun := strings.Cut(out, openingLine)
	end := strings.LastIndex(out, closingLine)
	switch {
	case !begun:
		return result{}, peering.Errorf(peering.Denied, "%s: the login's shell ran no command of ours: give it a shell that does, such as /bin/sh, and start-up files that neither end it nor read its input", s.router)
	case end < 0:
		return result{}, unreachable(s.router, errors.New("the command ended early"))
	}
	return result{out: out[:end], code: code}, nil
}

func (s *shell) Close() error {
	err := s.client.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil // a cancelled command closed it before
	}
	return err
}

// commandLine gives the line for the login's shell, and what comes before the script's
// own stdin: the script and its arguments. The line is one that shells of every kind
// read alike, csh and fish among them, and stays short: the system bounds its length.
// It runs nothing of an input that a start-up file has read a part of.
func commandLine(script string, args []string) (line, words string) {
	words = "set --"
	for _, a := range args {
		words += " " + quote(a)
	}
	words += "\necho " + quote(strings.TrimSpace(openingLine)) + "\n(\n" + script + "\n)\ncode=$?\necho " + quote(strings.TrimSpace(closingLine)) + "\nexit $code"
	return fmt.Sprintf(`sh -c 'ours=$(head -c %d); case $ours in "set -- "*) eval "$ours" ;; esac' peerflow`, len(words)), words
}

// quote makes one word of a text for any POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
