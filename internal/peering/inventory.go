package peering

import "maps"

// Inventory is everything that is recorded, of all routers: what mails and exports
// are rendered from.
type Inventory struct {
	Desired   // sessions and connections are those of all routers; Router, LocalAS, Template and Platform are empty
	Routers   map[int64]Router
	Platforms map[int64]PlatformRecord
}

// Of is one router's part. The maps are shared but for the sessions, which are its own.
func (i Inventory) Of(r Router) Desired {
	d := i.Desired
	d.Router, d.LocalAS, d.Platform, d.Template = r, i.Networks[r.LocalASID], i.Platforms[r.PlatformID], i.Templates[r.TemplateID]
	d.Sessions = maps.Clone(i.Sessions)
	maps.DeleteFunc(d.Sessions, func(_ int64, s Session) bool { return s.RouterID != r.ID })
	return d
}

// MailPreview is a mail as it would be written to a network.
type MailPreview struct {
	Template string `json:"template"`
	To       string `json:"to" doc:"the network" example:"AS64501 Example"`
	Subject  string `json:"subject" doc:"one line; secrets stand as <secret v3>"`
	Body     string `json:"body" doc:"secrets stand as <secret v3>"`
}

// ExportRun is what an export gives over all records of its dataset.
type ExportRun struct {
	Template string  `json:"template"`
	Dataset  Dataset `json:"dataset"`
	Records  int     `json:"records" doc:"how many the export was given"`
	Text     string  `json:"text" doc:"secrets stand as <secret v3>"`
}
