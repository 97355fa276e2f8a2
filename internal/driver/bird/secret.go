package bird

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/driver/cipher"
	"peerflow/internal/peering"
)

const (
	artifactConstant   = "PEERFLOW_ARTIFACT"
	deploymentConstant = "PEERFLOW_DEPLOYMENT"
)

// header is the first line of a candidate: what it is, and which secrets stand
// in its passwords, in order. Two secrets may have the same clear text; only
// this list tells them apart again.
var header = regexp.MustCompile(`^define ` + artifactConstant + ` = "([0-9a-f]{64})";(?: # secrets((?: \d+@\d+)+))?\n`)

// password is one value of a password statement in a configuration.
type password struct {
	start, end int // offsets of the text between the quotes
	line       int
}

// passwords finds every password "…" in a text. A placeholder anywhere else is
// refused: there a secret would show in show commands, logs and messages.
func passwords(text string) ([]password, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	var found []password
	previous := ""
	for _, t := range tokens {
		isPassword := t.kind == quoted && previous == "password"
		switch {
		case isPassword:
			found = append(found, password{t.start + 1, t.end - 1, t.line})
		case t.kind != comment && strings.Contains(t.text(text), "{secret:"), t.kind == mark1 && strings.HasPrefix(text[t.start:], "{secret:"):
			return nil, peering.Errorf(peering.Invalid, "line %d: a secret may stand only in password \"…\"", t.line)
		}
		if t.kind != comment {
			previous = t.text(text)
		}
	}
	return found, nil
}

// cleartext is a candidate's text with its secrets, and what to hide of it again.
type cleartext struct {
	text    string
	secrets map[string]peering.SecretRef
}

// hide replaces every secret in words of the router, the longest first: one may be a part of another.
func (c cleartext) hide(words string) string {
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) }
	for _, clear := range slices.SortedFunc(maps.Keys(c.secrets), longest) {
		words = strings.ReplaceAll(words, clear, peering.HideSecrets(c.secrets[clear].String()))
	}
	return words
}

// fill writes the candidate's text: header line, then the artifact with its secrets.
func fill(ctx context.Context, artifact, hash string, secrets driver.Secrets) (cleartext, error) {
	found, err := passwords(artifact)
	if err != nil {
		return cleartext{}, err
	}
	filled := cleartext{secrets: map[string]peering.SecretRef{}}
	var body, names strings.Builder
	last := 0
	for _, p := range found {
		refs, err := peering.SecretRefs(artifact[p.start:p.end])
		if err != nil {
			return cleartext{}, err
		}
		if strings.HasPrefix(artifact[p.start:p.end], redacted) { // written, it would take the place of the password that runs
			return cleartext{}, peering.Errorf(peering.Conflict, "line %d: the router has a password there that isn't one of ours: store it as a secret, or rotate it", p.line)
		}
		if len(refs) == 0 {
			continue
		}
		if len(refs) > 1 || refs[0].String() != artifact[p.start:p.end] {
			return cleartext{}, peering.Errorf(peering.Invalid, "line %d: a password is one secret and nothing beside it", p.line)
		}
		clear, err := resolve(ctx, secrets, refs[0])
		if err != nil {
			return cleartext{}, err
		}
		filled.secrets[clear] = refs[0]
		fmt.Fprintf(&names, " %d@%d", refs[0].ID, refs[0].Version)
		body.WriteString(artifact[last:p.start] + clear)
		last = p.end
	}
	body.WriteString(artifact[last:])
	list := ""
	if names.Len() > 0 {
		list = " # secrets" + names.String()
	}
	filled.text = fmt.Sprintf("define %s = \"%s\";%s\n%s", artifactConstant, hash, list, body.String())
	return filled, nil
}

func resolve(ctx context.Context, secrets driver.Secrets, ref peering.SecretRef) (string, error) {
	clear, err := cipher.Resolve(ctx, secrets, ref, "", cipher.Clear)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(clear, "\"\r\n\x00") {
		return "", peering.Errorf(peering.Invalid, "secret %d version %d holds a quote or line break, which BIRD can't write", ref.ID, ref.Version)
	}
	return clear, nil
}

// restore is the way back: it cuts off the header and puts placeholders in the
// place of passwords that are known; others become a text that is no placeholder.
func (r *Reader) restore(ctx context.Context, text string, known []peering.SecretRef) (string, error) {
	hints := secretHints(text)
	body := header.ReplaceAllString(text, "")
	found, err := passwords(body)
	if err != nil {
		return "", err
	}
	clear := make(map[peering.SecretRef]string, len(known))
	if len(found) > 0 {
		for _, ref := range known {
			if clear[ref], err = resolve(ctx, r.secrets, ref); err != nil {
				return "", err
			}
		}
	}
	var b strings.Builder
	last := 0
	for _, p := range found {
		value := body[p.start:p.end]
		ref, ok := match(value, &hints, known, clear)
		b.WriteString(body[last:p.start])
		if ok {
			b.WriteString(ref.String())
		} else {
			b.WriteString(r.redact(value))
		}
		last = p.end
	}
	b.WriteString(body[last:])
	return b.String(), nil
}

// match prefers the reference that the header names for this password.
func match(value string, hints *[]peering.SecretRef, known []peering.SecretRef, clear map[peering.SecretRef]string) (peering.SecretRef, bool) {
	if len(*hints) > 0 {
		hint := (*hints)[0]
		if c, ok := clear[hint]; ok && c == value {
			*hints = (*hints)[1:]
			return hint, true
		}
	}
	for _, ref := range known {
		if clear[ref] == value {
			return ref, true
		}
	}
	return peering.SecretRef{}, false
}

func secretHints(text string) []peering.SecretRef {
	m := header.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	var refs []peering.SecretRef
	for _, name := range strings.Fields(m[2]) {
		id, version, _ := strings.Cut(name, "@")
		i, errID := strconv.ParseInt(id, 10, 64)
		v, errVersion := strconv.ParseInt(version, 10, 64)
		if errID == nil && errVersion == nil {
			refs = append(refs, peering.SecretRef{ID: i, Version: v})
		}
	}
	return refs
}

// redacted begins what stands for a password that nobody named.
const redacted = "{redacted:"

// redact stands for a password that nobody named. It must be the same at every
// read, so that a plan's stanza doesn't move by itself, and must not help
// guessing: the key comes from the login secret.
func (r *Reader) redact(value string) string {
	mac := hmac.New(sha256.New, r.redaction)
	mac.Write([]byte(value))
	return redacted + hex.EncodeToString(mac.Sum(nil)[:4]) + "}"
}

func redactionKey(login string) []byte {
	mac := hmac.New(sha256.New, []byte("peerflow redaction of router passwords"))
	mac.Write([]byte(login))
	return mac.Sum(nil)
}
