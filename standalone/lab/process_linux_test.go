package lab_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"peerflow/standalone/lab"
)

// A thread that ends takes the children that it started with it, unless the lab sees to it.
func TestADaemonOutlivesTheThreadThatAskedForIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	var bird *lab.Bird
	var err error
	thread := onAThreadThatEnds(func() {
		bird, err = lab.StartBird(ctx, dir, lab.BirdConfig{Main: "router id 192.0.2.1;\nprotocol device { }\n"})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer bird.Close()
	await(t, ctx, "the thread ends", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", thread))
		return os.IsNotExist(err)
	})
	if out, err := bird.Birdc(ctx, "show", "status"); err != nil {
		t.Errorf("BIRD ended with the thread: %v: %s", err, out)
	}
}

// onAThreadThatEnds returns the thread's number. The process's first thread never ends, so another one is taken.
func onAThreadThatEnds(do func()) (thread int) {
	done := make(chan struct{})
	var run func()
	run = func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if thread = syscall.Gettid(); thread == os.Getpid() {
			go run()
			<-done
			return
		}
		do()
		close(done)
	}
	go run()
	<-done
	return thread
}
