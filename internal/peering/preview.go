package peering

// Preview is what a template would give a router, and what of it would be new there.
type Preview struct {
	RouterID int64  `json:"router_id"`
	Router   string `json:"router"`
	Template string `json:"template"`
	// Mode is what the text is. Only stanzas are counted.
	Mode TemplateMode `json:"mode" doc:"stanza: all that we own, compared with what was deployed last. whole, merge: peerflow brings no such text to a router, and the difference is all of it"`
	Text string       `json:"text" doc:"what the template renders; secrets stand as <secret v3>"`
	// Diff is empty when the router was deployed exactly this.
	Diff    string `json:"diff" doc:"against what was deployed to the router last: - goes, + comes; secrets stand as <secret v3>"`
	Adds    int    `json:"adds" doc:"stanzas that the router doesn't have from us yet"`
	Edits   int    `json:"edits" doc:"stanzas that would change"`
	Removes int    `json:"removes" doc:"stanzas that would go"`
	// Findings are what the check says of the template on this router.
	Findings []Finding `json:"findings" doc:"what POST /api/v1/templates/check says of the template on this router"`
}

// Starter is a template to begin with on a platform, or of a mail.
type Starter struct {
	Platform string         `json:"platform" doc:"a driver of this build, a platform that it renders for only, or mail-… for a text to people, which is no router's"`
	About    string         `json:"about"`
	Mode     TemplateMode   `json:"mode"`
	Engine   TemplateEngine `json:"engine"`
	Body     string         `json:"body"`
}

// PreviewOf compares what a template gives with what was deployed last, both in stanzas.
func PreviewOf(r Router, text string, deployed, rendered map[string]Stanza) Preview {
	p := Preview{RouterID: r.ID, Router: r.Name, Mode: ModeStanza, Text: HideSecrets(text), Diff: HideSecrets(Diff(deployed, sortedStanzas(rendered)))}
	for _, key := range unionKeys(deployed, rendered) {
		before, after := hashOf(deployed, key), hashOf(rendered, key)
		switch {
		case before == after:
		case before == "":
			p.Adds++
		case after == "":
			p.Removes++
		default:
			p.Edits++
		}
	}
	return p
}

// PreviewOfMode shows a text that isn't cut into stanzas. Nothing of its mode was ever deployed, so that all of it is new.
func PreviewOfMode(r Router, mode TemplateMode, text string) Preview {
	return Preview{RouterID: r.ID, Router: r.Name, Mode: mode, Text: HideSecrets(text),
		Diff: HideSecrets(Diff(nil, []Stanza{{Key: string(mode), Text: text}}))}
}
