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

	mu     sync.Mutex
	holds  map[string]*hold // by router; each catches one passage
	losses map[string]int   // by router and point: how many more get lost
	heard  []passage
}

// hold is one passage that waits for the test. While it does, nothing else that
// this process wants to do to the router passes either: Temporal may try again
// what takes so long.
type hold struct {
	point   string
	process int // that was caught, 0 for none yet
	reached chan passage
	answer  chan string
	over    chan struct{} // it was answered, or the process is gone
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{url: "http://" + listener.Addr().String(), holds: map[string]*hold{}, losses: map[string]int{}}
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
	w.hear(p)
	answer := goOn
	if w.lost(p) {
		answer = lose
	}
	switch h, caught := w.stopped(p); {
	case caught:
		h.reached <- p
		select {
		case answer = <-h.answer:
		case <-r.Context().Done(): // the process was killed here
		}
		close(h.over)
	case h != nil:
		select {
		case <-h.over:
		case <-r.Context().Done():
			return
		}
	}
	_, _ = io.WriteString(out, answer)
}

// stopped is what holds a passage up, and whether it is this passage that it waited for.
func (w *watch) stopped(p passage) (h *hold, caught bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h = w.holds[p.Router]
	switch {
	case h == nil || h.process != 0 && h.process != p.Process || h.process == 0 && h.point != p.Point:
		return nil, false
	case h.process == 0:
		h.process = p.Process
		return h, true
	}
	return h, false
}

func (w *watch) hear(p passage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.at = time.Now()
	w.heard = append(w.heard, p)
}

// hold stops the next process that comes to a point.
func (w *watch) hold(router, point string) *hold {
	h := &hold{point: point, reached: make(chan passage, 1), answer: make(chan string, 1), over: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds[router] = h
	return h
}

// await returns once a process is held.
func (h *hold) await(t *testing.T, what string) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(3 * time.Minute):
		t.Fatalf("%s: nobody came to this point", what)
	}
}

// lose makes the next requests or replies at a point get lost.
func (w *watch) lose(router, point string, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losses[router+" "+point] = times
}

func (w *watch) lost(p passage) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := p.Router + " " + p.Point
	if w.losses[key] == 0 {
		return false
	}
	w.losses[key]--
	return true
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

// launchChild starts this test binary as a child and waits until it is ready.
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

// kill ends the process as a crash would, once.
func (p *child) kill() {
	p.signal(syscall.SIGKILL)
	<-p.gone
	_ = p.log.Close()
}

func (p *child) signal(s syscall.Signal) {
	select {
	case <-p.gone:
	default:
		_ = p.cmd.Process.Signal(s) // it may have ended meanwhile
	}
}
