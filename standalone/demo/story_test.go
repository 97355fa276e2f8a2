package demo

import (
	"strings"
	"testing"
)

func TestOnlyAnAnswerApproves(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"": false, "y": false, "\n": true, "y\n": true, " Yes\n": true, "n\n": false, "No\n": false} {
		if agrees(strings.NewReader(answer)) != want {
			t.Errorf("%q: want %t", answer, want)
		}
	}
}
