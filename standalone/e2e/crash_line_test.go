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
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &line{address: listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close(); l.cut() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			l.connect(near, to)
		}
	}()
	return l
}

func (l *line) connect(near net.Conn, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	far, err := net.Dial("tcp", to)
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
