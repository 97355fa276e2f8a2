package openconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// proposedSet is a Set as gnmic reads it with --request-file.
type proposedSet struct {
	Deletes  []string       `json:"deletes,omitempty"`
	Replaces []proposedEdit `json:"replaces,omitempty"`
}

type proposedEdit struct {
	Path     string `json:"path"`
	Value    any    `json:"value"`
	Encoding string `json:"encoding"`
}

// proposalFile is what the text is saved as, beside the person who sends it.
const proposalFile = "proposal.json"

// Propose has a person send the Set that Commit would send from the base,
// without the rollback timer. A password that stays isn't in it.
func (platform) Propose(p peering.Way) (peering.Proposal, error) {
	s, err := readSettings(p.Settings)
	if err != nil {
		return peering.Proposal{}, err
	}
	w := &writer{&conn{settings: s, secrets: shown{}}}
	wanted, _, err := artifactOf(driver.Commit{Artifact: p.Artifact, Hash: peering.HashText(p.Artifact)})
	if err != nil {
		return peering.Proposal{}, err
	}
	running, err := Syntax{}.Split(p.Base)
	if err != nil {
		return peering.Proposal{}, err
	}
	set, err := w.proposal(wanted, running, p.Identity, peering.HashText(p.Artifact))
	if err != nil {
		return peering.Proposal{}, err
	}
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false) // <secret v3> is for people
	out.SetIndent("", "  ")
	if err := out.Encode(set); err != nil {
		return peering.Proposal{}, err
	}
	save := []string(nil)
	if s.SavePath != "" {
		save = []string{fmt.Sprintf("gnmic -a %s set --update-path %s --update-value true", p.Address, s.SavePath)}
	}
	return peering.Proposal{Text: text.String(), Where: fmt.Sprintf("one gNMI Set (JSON_IETF) to %s, saved as %s", p.Address, proposalFile),
		Commands: append([]string{fmt.Sprintf("gnmic -a %s set --request-file %s", p.Address, proposalFile)}, save...)}, nil
}

// proposal is the Set without anything read from the router: identity is the artifact that it names as loaded.
func (w *writer) proposal(wanted map[string]peering.Stanza, running []peering.Stanza, identity, hash string) (proposedSet, error) {
	r := w.deletes(nil, wanted, running, hash)
	if identity != "" && identity != hash {
		r.Delete = append(r.Delete, markerPath(identity))
	}
	if err := w.replaces(context.Background(), r, wanted, running); err != nil {
		return proposedSet{}, err
	}
	mark, err := markerUpdate(hash, wanted)
	if err != nil {
		return proposedSet{}, err
	}
	var set proposedSet
	for _, d := range r.GetDelete() {
		set.Deletes = append(set.Deletes, pathText(d))
	}
	for _, u := range append(r.GetReplace(), mark) {
		edit := proposedEdit{Path: pathText(u.GetPath()), Encoding: "json_ietf"}
		if err := json.Unmarshal(u.GetVal().GetJsonIetfVal(), &edit.Value); err != nil {
			return proposedSet{}, err
		}
		set.Replaces = append(set.Replaces, edit)
	}
	return set, nil
}

// shown gives secrets as people see them.
type shown struct{}

func (shown) Resolve(_ context.Context, ref peering.SecretRef) (string, error) {
	return peering.HideSecrets(ref.String()), nil
}

// pathText writes a path as people type it (gNMI path conventions, §2.3).
func pathText(p *gpb.Path) string {
	var b strings.Builder
	for _, e := range p.GetElem() {
		b.WriteString("/" + e.GetName())
		for _, key := range slices.Sorted(maps.Keys(e.GetKey())) {
			fmt.Fprintf(&b, "[%s=%s]", key, inKey.Replace(e.GetKey()[key]))
		}
	}
	return b.String()
}

var inKey = strings.NewReplacer(`\`, `\\`, `]`, `\]`)
