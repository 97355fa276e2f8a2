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

// unmarshalExact keeps numbers as they are written: a free context may hold
// integers that a float can't.
func unmarshalExact(text []byte, target any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(target)
}
