//go:build crash

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"peerflow/cmd"
)

// watch hears from the processes under test where they are, holds them there,
// and lets them go, or not.
type watch struct {
	url string

	mu    sync.Mutex
	held  map[string]*hold // by router and point; each catches one passage
	heard []passage
}

// hold is one passage that waits for the test.
type hold struct {
	reached chan passage
	answer  chan string
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{url: "http://" + listener.Addr().String(), held: map[string]*hold{}}
	server := &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return w
}

func (w *watch) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	var p passage
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	answer := goOn
	if h := w.hear(p); h != nil {
		h.reached <- p
		select {
		case answer = <-h.answer:
		case <-r.Context().Done(): // the process was killed here
		}
	}
	_, _ = io.WriteString(out, answer)
}

func (w *watch) hear(p passage) *hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.at = time.Now()
	w.heard = append(w.heard, p)
	key := p.Router + " " + p.Point
	h := w.held[key]
	delete(w.held, key)
	return h
}

// hold stops the next process that comes to a point.
func (w *watch) hold(router, point string) *hold {
	h := &hold{reached: make(chan passage, 1), answer: make(chan string, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[router+" "+point] = h
	return h
}

// lose makes the next request or reply at a point get lost.
func (w *watch) lose(router, point string) *hold {
	h := w.hold(router, point)
	h.answer <- lose
	return h
}

// passages lists what was heard of a deployment at a point.
func (w *watch) passages(deployment int64, point string) []passage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.heard), func(p passage) bool { return p.Deployment != deployment || p.Point != point })
}

// story is everything heard of a router, for a failure's text.
func (w *watch) story(router string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b bytes.Buffer
	for _, p := range w.heard {
		if p.Router == router {
			fmt.Fprintf(&b, "  %s process %d, deployment %d: %s %s\n", p.at.Format("15:04:05.0"), p.Process, p.Deployment, p.Point, p.Error)
		}
	}
	return b.String()
}

// child is a process under test.
type child struct {
	cmd    *exec.Cmd
	config cmd.Config // what it serves, once it is ready
	log    *os.File
	gone   chan struct{}
}

// spawn starts this test binary as a child and waits until it is ready.
func spawn(t *testing.T, c childConfig, log string) *child {
	t.Helper()
	p, err := launchChild(c, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func launchChild(c childConfig, log string) (*child, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	p := &child{cmd: exec.Command(os.Args[0]), gone: make(chan struct{})}
	if p.log, err = os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	life, err1 := p.cmd.StdinPipe() // closed however this process ends, and the child ends with it
	out, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, p.cmd.Start()); err != nil {
		return nil, err
	}
	ready, err := bufio.NewReader(out).ReadBytes('\n')
	go func() {
		_ = p.cmd.Wait()
		_ = life.Close()
		close(p.gone)
	}()
	if err == nil {
		err = json.Unmarshal(ready, &p.config)
	}
	if err != nil {
		p.kill()
		said, _ := os.ReadFile(log)
		return nil, fmt.Errorf("child: %w\n%s", err, tail(said, 3000))
	}
	return p, nil
}

// kill ends the process as a crash would, with everything in its group.
func (p *child) kill() {
	p.signal(syscall.SIGKILL)
	<-p.gone
	_ = p.log.Close()
}

func (p *child) signal(s syscall.Signal) {
	select {
	case <-p.gone:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // it may have ended meanwhile
	}
}
