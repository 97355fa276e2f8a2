package jinjatest

import (
	"errors"
	"os/exec"
	"sync"
)

// Python finds an interpreter that has jinja2: the one on the PATH, or the system's, which Debian's package serves.
var Python = sync.OnceValues(func() (string, error) {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import jinja2").Run() == nil {
			return python, nil
		}
	}
	return "", errors.New("no python3 with jinja2 here: make deps installs python3-jinja2")
})
