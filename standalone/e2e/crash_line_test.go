package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is a TCP path that can be cut and mended.
type line struct {
	address string

	mu    sync.Mutex
	to    string
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &line{address: listener.Addr().String(), to: to}
	t.Cleanup(func() { _ = listener.Close(); l.cut() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			l.connect(near)
		}
	}()
	return l
}

func (l *line) connect(near net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	far, err := net.Dial("tcp", l.to)
	if err != nil || l.down {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	l.conns = append(l.conns, near, far)
	go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
}

// lead makes it end at another address from now on, and tells where it did.
func (l *line) lead(to string) (before string) {
	l.cut()
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.to, l.down = l.to, to, false
	return before
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
