package peering

import (
	"bytes"
	"encoding/json"
)

// unmarshalStrict refuses fields that the target doesn't have.
func unmarshalStrict(text []byte, target any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(target)
}
