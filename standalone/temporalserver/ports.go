package temporalserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// internal ports come from below the range that Linux hands to outgoing connections (32768 and up), since a port is free
// for a moment between our test and Temporal's own bind, and Temporal ends the process when its bind fails.
const firstInternal, lastInternal = 20000, 32000

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// frontendPort checks that the wanted port is free, or picks one for 0.
func frontendPort(want int) (int, error) {
	if want == 0 {
		ports, err := freePorts(1)
		if err != nil {
			return 0, err
		}
		return ports[0], nil
	}
	l, err := net.Listen("tcp", address(want))
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, fmt.Errorf("port %d for Temporal is taken by another program: stop it, or choose another port", want)
	}
	if err != nil {
		return 0, fmt.Errorf("port %d for Temporal: %w", want, err)
	}
	return want, l.Close()
}

// freePorts returns n ports that are free on 127.0.0.1 and differ from each other.
func freePorts(n int) ([]int, error) {
	var ports []int
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	for range 1000 {
		if len(ports) == n {
			return ports, nil
		}
		port := firstInternal + rand.IntN(lastInternal-firstInternal)
		if l, err := net.Listen("tcp", address(port)); err == nil {
			held, ports = append(held, l), append(ports, port)
		}
	}
	return nil, fmt.Errorf("fewer than %d free ports between %d and %d on 127.0.0.1", n, firstInternal, lastInternal)
}
