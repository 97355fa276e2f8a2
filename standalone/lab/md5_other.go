//go:build !linux

package lab

import (
	"errors"
	"net/netip"
)

func (s *silencer) setPassword(_ netip.Addr, password string) error {
	if password == "" {
		return nil
	}
	return errors.New("TCP MD5 in the lab needs Linux")
}
