package temporalserver

import (
	"sync"
	"testing"
)

// Servers that start at the same time don't get the same port, and nobody gets one that a server has.
func TestAPortIsGivenOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	given := map[int]bool{}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			ports, release, err := freePorts(20, 0)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(release)
			mu.Lock()
			defer mu.Unlock()
			for _, p := range ports {
				if given[p] {
					t.Errorf("port %d is given twice", p)
				}
				given[p] = true
			}
		})
	}
	all.Wait()
}

func TestAStartedServerHasItsPorts(t *testing.T) {
	t.Parallel()
	for name, port := range sharedStack(t).temporal.ports {
		if isFree(port) == nil {
			t.Errorf("nobody listens on port %d of %s", port, name)
		}
	}
}
