package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// Block is a prefix of 127/8 that one network has to itself until it is closed.
type Block struct {
	Prefix netip.Prefix

	sign net.Listener
}

// TakeBlock takes the first prefix in which nobody speaks BGP, out of first and
// those of its size behind it, most of them. Who has one holds the BGP port of its
// last address, which the kernel gives to one process alone and takes back when
// that ends: two that come at the same time never get the same.
func TakeBlock(first netip.Prefix, most int) (*Block, error) {
	prefix := first
	for range most {
		last := lastOf(prefix)
		if sign, err := listenBGP(last); err == nil {
			if silent(prefix) {
				return &Block{prefix, sign}, nil
			}
			_ = sign.Close()
		}
		prefix = netip.PrefixFrom(last.Next(), first.Bits())
	}
	return nil, fmt.Errorf("port %d is taken in all of %s to %s: stop another demo", DefaultBGPPort, first.Addr(), prefix.Addr().Prev())
}

// silent: no router of a network whose sign is gone, or of another program, is left in it.
func silent(p netip.Prefix) bool {
	a := p.Addr()
	for range 3 {
		a = a.Next()
		l, err := listenBGP(a)
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

func listenBGP(a netip.Addr) (net.Listener, error) {
	return net.Listen("tcp", netip.AddrPortFrom(a, DefaultBGPPort).String())
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|(1<<(32-p.Bits())-1))
	return netip.AddrFrom4(b)
}

// At moves an address to the block: its last bytes stay.
func (b *Block) At(a netip.Addr) netip.Addr {
	block, host := b.Prefix.Addr().As4(), a.As4()
	for i := b.Prefix.Bits() / 8; i < len(host); i++ {
		block[i] = host[i]
	}
	return netip.AddrFrom4(block)
}

// Close lets others take it.
func (b *Block) Close() error { return b.sign.Close() }
