package peering

import (
	"cmp"
	"slices"
)

// ConfigContext is data for templates that several records share.
type ConfigContext struct {
	Meta
	Name        string  `json:"name" doc:"at most 100 characters"`
	Description string  `json:"description" doc:"at most 200 characters"`
	IsActive    *bool   `json:"is_active" doc:"true when left out; templates may ask for it, and merging doesn't, as in Peering Manager"`
	Data        Context `json:"data" doc:"a JSON object of at most 256 KiB"`
}

const largestData = 256 << 10 // bytes of JSON

// Complete fills defaults and refuses a config context that can't be.
func (c *ConfigContext) Complete() error {
	if c.IsActive == nil {
		active := true
		c.IsActive = &active
	}
	if len(c.Data) > largestData {
		return Errorf(Invalid, "data has %d bytes: at most %d", len(c.Data), largestData)
	}
	return firstError(need(c.Name != "", "name"), oneLine("name", c.Name, longestName), oneLine("description", c.Description, longestDescription),
		contextObject(&c.Data, "data"))
}

// ContextRef gives a record a config context. The heavier one goes over the lighter, and the record's own data over all.
type ContextRef struct {
	ID     int64 `json:"config_context_id"`
	Weight *int  `json:"weight,omitempty" doc:"0 to 32767; 1000 when left out. What is heavier goes over what is lighter, and the record's own context over all"`
}

const usualWeight = 1000 // Peering Manager's

// contextRefs fills weights in, orders the references by them, and refuses one that stands there twice.
func contextRefs(refs *[]ContextRef) error {
	sorted := orNone(slices.Clone(*refs))
	var ids []int64
	for i := range sorted {
		if sorted[i].Weight == nil {
			weight := usualWeight
			sorted[i].Weight = &weight
		}
		if err := within("config_contexts: weight", *sorted[i].Weight, 0, 1<<15-1); err != nil {
			return err
		}
		ids = append(ids, sorted[i].ID)
	}
	slices.SortFunc(sorted, func(a, b ContextRef) int { return cmp.Or(cmp.Compare(*a.Weight, *b.Weight), cmp.Compare(a.ID, b.ID)) })
	*refs = sorted
	return idSet("config_contexts", &ids)
}
