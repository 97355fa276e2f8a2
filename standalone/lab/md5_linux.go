package lab

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// setPassword makes the listener demand TCP MD5 signatures (RFC 2385) from one address.
func (s *silencer) setPassword(from netip.Addr, password string) error {
	if password == "" {
		return nil
	}
	var sig unix.TCPMD5Sig
	if len(password) > len(sig.Key) {
		return fmt.Errorf("a TCP MD5 password has %d bytes at most", len(sig.Key))
	}
	sig.Addr.Family = unix.AF_INET
	as4 := from.As4()
	copy(sig.Addr.Data[2:], as4[:]) // sockaddr_in: port, then address
	sig.Keylen = uint16(len(password))
	copy(sig.Key[:], password)
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptTCPMD5Sig(int(fd), unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
	})
	if err != nil {
		return err
	}
	return failed
}
