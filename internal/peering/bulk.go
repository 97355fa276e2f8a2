package peering

import (
	"encoding/json"
	"fmt"
)

// Edit is one item of a bulk write.
type Edit struct {
	Action  Action
	ID      int64           // 0 to create
	Version int64           // that was read; 0: whatever it is now
	Body    json.RawMessage // the record to create, or a merge patch (RFC 7396)
}

// Edited is what became of an item: Version is 0 once it is deleted.
type Edited struct {
	ID      int64 `json:"id"`
	Version int64 `json:"version"`
}

// BulkError tells which items kept a bulk write from being written: none was.
// Its kind is the first one's.
type BulkError struct {
	Of    int // items in all
	Items []ItemError
}

// ItemError is what is wrong with one item, counted from 0.
type ItemError struct {
	Index int
	Err   error
}

func (e *BulkError) Error() string {
	first := e.Items[0]
	return fmt.Sprintf("%d of %d items can't be written, so none was; item %d: %v", len(e.Items), e.Of, first.Index, first.Err)
}

// Unwrap is the first item's error.
func (e *BulkError) Unwrap() error { return e.Items[0].Err }
