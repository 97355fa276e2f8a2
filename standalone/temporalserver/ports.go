package temporalserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// Ports come from below the range that Linux hands to outgoing connections (32768 and up), since a port is free for a
// moment between our test and Temporal's own bind, and Temporal ends the process when its bind fails.
const firstPort, lastPort = 20000, 32000

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// allPorts gives each service its port, the frontend the wanted one unless that is 0, and keeps other servers that start
// meanwhile, in whichever process, from the same ports until they are released. The internal frontend is there for
// Temporal's own calls, which carry no secret.
func allPorts(frontend int) (ports map[primitives.ServiceName]int, release func(), err error) {
	if err := isFree(frontend); err != nil {
		return nil, nil, err
	}
	free, release, err := freePorts(len(temporal.Services), frontend)
	if err != nil {
		return nil, nil, err
	}
	ports = map[primitives.ServiceName]int{}
	for i, name := range temporal.Services {
		ports[primitives.ServiceName(name)] = free[i]
	}
	if frontend != 0 {
		ports[primitives.FrontendService] = frontend
	}
	return ports, release, nil
}

// isFree checks a wanted port; 0 always is.
func isFree(want int) error {
	l, err := net.Listen("tcp", address(want))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d for Temporal is taken by another program: stop it, or choose another port", want)
	}
	if err != nil {
		return fmt.Errorf("port %d for Temporal: %w", want, err)
	}
	return l.Close()
}

// freePorts returns n ports other than one that are free on 127.0.0.1. Whoever takes one holds the UDP port of the same number until
// release, which Temporal has no use for: the kernel gives that to one process alone.
func freePorts(n, other int) (ports []int, release func(), err error) {
	var held []net.PacketConn
	release = func() {
		for _, h := range held {
			_ = h.Close()
		}
	}
	for range 1000 {
		if len(ports) == n {
			return ports, release, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		h, err := net.ListenPacket("udp", address(port))
		if err != nil {
			continue
		}
		held = append(held, h)
		if port != other && isFree(port) == nil {
			ports = append(ports, port)
		}
	}
	release()
	return nil, nil, fmt.Errorf("fewer than %d free ports between %d and %d on 127.0.0.1", n, firstPort, lastPort)
}
