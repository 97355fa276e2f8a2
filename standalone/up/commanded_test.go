package up

import (
	"slices"
	"testing"
)

// A stranger names what it likes: an id that is none suppresses nothing, and a batch is among what befell each change.
func TestACommandIsAuditedOnEachChangeThatItNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		named []string
		want  []int64
	}{
		{nil, []int64{0}},
		{[]string{"change/12"}, []int64{12}},
		{[]string{"change/12", "provision/13", "router/14", "change/12"}, []int64{12, 13}},
		{[]string{"change/-1", "change/99999999999999999999", "change/", "change"}, []int64{0}},
	} {
		if got := changesOf(c.named); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.named, got, c.want)
		}
	}
}
