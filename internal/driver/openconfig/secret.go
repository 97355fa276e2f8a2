package openconfig

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"peerflow/internal/driver/cipher"
	"peerflow/internal/peering"
)

// hider replaces passwords by what may be seen of them.
type hider struct {
	known  map[string]string // placeholder to clear text
	key    []byte            // from the login, which every worker has and nobody reads
	hidden bool              // the router shows no password at all
}

func (c *conn) hider(ctx context.Context, known []peering.SecretRef) (hider, error) {
	h := hider{known: map[string]string{}, key: []byte(c.password), hidden: c.settings.PasswordsHidden}
	for _, ref := range known {
		clear, err := cipher.Resolve(ctx, c.secrets, ref, "", cipher.Clear)
		if err != nil {
			return h, err
		}
		h.known[ref.String()] = clear
	}
	return h, nil
}

// password puts a placeholder, or a keyed digest that equals no placeholder, in
// the place of a clear password. said is what the marker says of this stanza: it
// decides between secrets of equal text, and speaks for a router that shows none.
func (h hider) password(entry map[string]any, said string) {
	config, _ := entry["config"].(map[string]any)
	clear, shown := config["auth-password"].(string)
	expected, known := h.known[said]
	switch {
	case !shown && !(h.hidden && known):
		return
	case !shown, known && expected == clear:
		config["auth-password"] = said
	default:
		config["auth-password"] = h.standIn(clear)
	}
}

// standIn is the first known placeholder of a clear text, else its digest.
func (h hider) standIn(clear string) string {
	for _, placeholder := range sortedKeys(h.known) {
		if h.known[placeholder] == clear {
			return placeholder
		}
	}
	return redacted + h.digest(clear)
}

func (h hider) digest(text string) string {
	m := hmac.New(sha256.New, h.key)
	m.Write([]byte("peerflow openconfig\n" + text))
	return hex.EncodeToString(m.Sum(nil))
}

// clear lists the clear texts, longest first: a longer one may hold a shorter one.
func (h hider) clear() []string {
	out := slices.Collect(maps.Values(h.known))
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
