package render

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// A text may name a secret only where the secret's own value was printed: whatever spells a placeholder in another way,
// such as two texts of strangers side by side, would put another session's password there. Text that goes straight into
// what is rendered is counted. Where a template held text with a secret in it, and always in pongo2, it could have been
// cut, joined or decided on. Such a template is rendered once more, with random tokens for the secrets: both texts have to
// be the same but for whole tokens, and beside those the second one spells no placeholder. What is kept is the first one,
// which knows no token.

// printing is how a rendering writes its secrets, and what came of it. A nil one writes placeholders.
type printing struct {
	tokens map[peering.SecretRef]string // nil: placeholders are written
	final  int                          // how many went straight into the text that is rendered
	held   bool                         // the template was given one as text, or as a part of it
}

func (p *printing) print(ref peering.SecretRef, final bool) string {
	switch {
	case p == nil:
		return ref.String()
	case final:
		p.final++
	default:
		p.held = true
	}
	if p.tokens == nil {
		return ref.String()
	}
	if p.tokens[ref] == "" {
		p.tokens[ref] = newToken(ref.String())
	}
	return p.tokens[ref]
}

// newToken is unlike any other: all letters and digits in random order, so that whatever is taken out, asked for or cut
// off shows, and no two as they stand side by side in the placeholder, so that whatever is found in that isn't found in
// the token. As data it is quoted as a placeholder is.
func newToken(placeholder string) string {
	letters := []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	order := rand.New(rand.NewChaCha8(seed))
	for {
		order.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
		if !sharesPair(string(letters), placeholder) {
			return "[" + string(letters) + "]"
		}
	}
}

func sharesPair(text, with string) bool {
	for i := range len(with) - 1 {
		if strings.Contains(text, with[i:i+2]) {
			return true
		}
	}
	return false
}

// spelt gives where a text begins a placeholder, in any letters; -1 when it doesn't. n is how often.
func spelt(text string) (first, n int) {
	const begin = "{secret:"
	first = -1
	for at := strings.IndexByte(text, '{'); at >= 0 && at+len(begin) <= len(text); {
		if strings.EqualFold(text[at:at+len(begin)], begin) {
			if n++; n == 1 {
				first = at
			}
		}
		next := strings.IndexByte(text[at+1:], '{')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return first, n
}

// accountFor is whether each placeholder in the text was written there by a secret, and no template held one.
func (p *printing) accountFor(text string) bool {
	_, n := spelt(text)
	return !p.held && n == p.final
}

// proof renders a template again, with tokens, and says why the text can't be trusted.
func proof(ctx context.Context, d peering.Desired, text string) error {
	secrets := &printing{tokens: map[peering.SecretRef]string{}}
	again, err := once(ctx, d, secrets, plain)
	var failed *jinja.Error
	switch {
	case err == nil:
	case errors.As(err, &failed) && failed.Class != jinja.CancelledErr && failed.Class != jinja.LimitErr:
		return invalid(d.Template.Name, &jinja.Error{Class: jinja.SecurityErr, Template: failed.Template, Line: failed.Line, Column: failed.Column, Msg: changed})
	default:
		return err
	}
	if at, n := spelt(again); n > 0 {
		return distrusted(ctx, d, strings.Count(again[:at], "\n"), forged)
	}
	if again = secrets.resolved(again); again != text {
		return distrusted(ctx, d, sameLines(again, text), changed)
	}
	return nil
}

const (
	forged  = `the text spells "{secret:" where no password is printed: print {{ session.password }} itself, and see what puts the letters together`
	changed = "something else is done with a password than printing it: print {{ session.password }} as it is, change no text that holds it but around it, and ask no more than whether there is one"
)

// resolved puts placeholders in the place of tokens.
func (p *printing) resolved(text string) string {
	var pairs []string
	for ref, token := range p.tokens {
		pairs = append(pairs, token, ref.String())
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// sameLines is how many lines two texts begin with that are the same.
func sameLines(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return strings.Count(a[:n], "\n")
}

// distrusted is an error about a line of the text, from 0, with the template's line that wrote it where that is known.
func distrusted(ctx context.Context, d peering.Desired, line int, why string) error {
	failed := &jinja.Error{Class: jinja.SecurityErr, Msg: fmt.Sprintf("line %d of the text: %s", line+1, why)}
	var t trial
	_, err := once(ctx, d, nil, func(tmpl *jinja.Template, ctx context.Context, vars *jinja.Dict) (text string, err error) {
		text, t.origins, err = tmpl.RenderTraced(ctx, vars, func(jinja.Object) string { return "" })
		return text, err
	})
	if err == nil {
		failed.Template, failed.Line = t.place(line)
	}
	return invalid(d.Template.Name, failed)
}
