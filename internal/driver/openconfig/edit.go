package openconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver/cipher"
	"peerflow/internal/peering"
)

func (w *writer) deletes(root map[string]any, wanted map[string]peering.Stanza, running []peering.Stanza, hash string) *gpb.SetRequest {
	r := &gpb.SetRequest{}
	for _, s := range slices.Backward(running) { // what refers goes before what it refers to
		if _, stays := wanted[s.Key]; !stays {
			r.Delete = append(r.Delete, w.stanzaPath(s))
		}
	}
	for _, other := range markers(root) {
		if other != hash {
			r.Delete = append(r.Delete, markerPath(other))
		}
	}
	return r
}

// replaces adds the stanzas that differ from what runs, with their secrets in clear.
func (w *writer) replaces(ctx context.Context, r *gpb.SetRequest, wanted map[string]peering.Stanza, running []peering.Stanza) error {
	ours, err := peering.StanzaMap(running)
	if err != nil {
		return err
	}
	var moved []peering.Stanza
	for key, s := range wanted {
		if ours[key].Text != s.Text {
			moved = append(moved, s)
		}
	}
	slices.SortFunc(moved, byOrder)
	for _, s := range moved {
		if err := w.write(ctx, r, s, ours[s.Key]); err != nil {
			return err
		}
	}
	return nil
}

// write adds what leads from a running stanza, which may be absent, to the one wanted.
func (w *writer) write(ctx context.Context, r *gpb.SetRequest, wanted, running peering.Stanza) error {
	_, entry, err := parse(wanted)
	if err != nil {
		return err
	}
	password := textAt(entry, "config", "auth-password")
	if strings.HasPrefix(password, redacted) {
		return peering.Errorf(peering.Conflict, "%s has a password that isn't one of ours: store it, or rotate the secret", wanted.Key)
	}
	if password == "" {
		return w.replace(r, w.stanzaPath(wanted), "", entry)
	}
	if running.Key != "" {
		_, old, err := parse(running)
		if err != nil {
			return err
		}
		if textAt(old, "config", "auth-password") == password {
			return w.edit(r, w.stanzaPath(wanted), old, entry)
		}
	}
	clear, err := peering.ReplaceSecrets(password, func(ref peering.SecretRef) (string, error) {
		return cipher.Resolve(ctx, w.secrets, ref, "", cipher.Clear)
	})
	if err != nil {
		return err
	}
	entry["config"].(map[string]any)["auth-password"] = clear
	return w.replace(r, w.stanzaPath(wanted), "", entry)
}

// edit moves what differs between two versions of an entry and nothing else:
// leaf by leaf in config, where the password stands, and by container beside it.
func (w *writer) edit(r *gpb.SetRequest, at *gpb.Path, old, now map[string]any) error {
	for _, name := range sortedKeys(union(old, now)) {
		below := &gpb.Path{Elem: append(slices.Clone(at.GetElem()), &gpb.PathElem{Name: name})}
		before, had := old[name]
		after, has := now[name]
		switch {
		case reflect.DeepEqual(before, after):
		case !has:
			r.Delete = append(r.Delete, below)
		case name == "config" && had:
			if err := w.edit(r, below, before.(map[string]any), after.(map[string]any)); err != nil {
				return err
			}
		default:
			if err := w.replace(r, below, name, after); err != nil {
				return err
			}
		}
	}
	return nil
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (w *writer) replace(r *gpb.SetRequest, at *gpb.Path, name string, v any) error {
	raw, err := json.Marshal(qualified(name, v))
	if err != nil {
		return fmt.Errorf("a value of router %s can't be written as JSON", w.target.Router) // its text may hold a secret
	}
	r.Replace = append(r.Replace, jsonUpdate(at, raw))
	return nil
}

func jsonUpdate(p *gpb.Path, raw []byte) *gpb.Update {
	return &gpb.Update{Path: p, Val: &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: raw}}}
}
