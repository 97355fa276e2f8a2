package lab

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// silencer carries TCP connections to a peer and can stop carrying them without
// closing them. It dials with the caller's own address, so that the peer behind
// it sees the router itself.
type silencer struct {
	listener *net.TCPListener
	inner    netip.AddrPort
	gate     sync.RWMutex // held for writing while frozen

	mu     sync.Mutex
	frozen bool
	conns  map[net.Conn]bool
}

func listenSilencer(outside, inner netip.AddrPort) (*silencer, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // Linux has no TCP MD5 on multipath sockets
	l, err := lc.Listen(context.Background(), "tcp", outside.String())
	if err != nil {
		return nil, err
	}
	s := &silencer{listener: l.(*net.TCPListener), inner: inner, conns: map[net.Conn]bool{}}
	go s.serve()
	return s, nil
}

func (s *silencer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		go s.carry(conn)
	}
}

func (s *silencer) carry(outer net.Conn) {
	from := outer.RemoteAddr().(*net.TCPAddr)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.IP}, Timeout: 5 * time.Second}
	inner, err := dialer.Dial("tcp", s.inner.String())
	if err != nil {
		outer.Close()
		return
	}
	s.keep(outer, inner)
	go s.copy(outer, inner)
	s.copy(inner, outer)
}

func (s *silencer) keep(conns ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		s.conns[c] = true
	}
}

// copy moves bytes one way and closes both ends when either side ends.
func (s *silencer) copy(to, from net.Conn) {
	defer s.drop(to, from)
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		s.gate.RLock()
		s.gate.RUnlock() //nolint:staticcheck // passing the gate is all: it is shut while frozen
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (s *silencer) drop(conns ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		delete(s.conns, c)
		c.Close()
	}
}

func (s *silencer) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.frozen {
		s.frozen = true
		s.gate.Lock()
	}
}

func (s *silencer) thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen {
		s.frozen = false
		s.gate.Unlock()
	}
}

func (s *silencer) close() {
	s.listener.Close()
	s.thaw()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}
