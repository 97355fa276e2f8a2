package bird

import (
	"context"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// BIRD forgets at every load of a configuration what "birdc disable" closed, and
// what closed itself at a limit: a protocol that is down starts anew, unless the
// configuration says "disabled".

// Reopens names what is closed on the router and the artifact's load would open.
func (r *Reader) Reopens(ctx context.Context, artifact string) ([]driver.Reopened, error) {
	opened, _, err := r.closed(ctx, artifact)
	return opened, err
}

// closed tells apart what is closed now and would open against anybody's will, and
// what stays closed or is meant to open. Files are read only if anything is closed.
func (r *Reader) closed(ctx context.Context, artifact string) (opened []driver.Reopened, others []string, err error) {
	down, err := r.down(ctx)
	if err != nil || len(down) == 0 {
		return nil, nil, err
	}
	f, err := r.readFacts(ctx)
	if err != nil {
		return nil, nil, err
	}
	before, after, err := r.sayings(ctx, f, artifact)
	if err != nil {
		return nil, nil, err
	}
	own, err := declarations(artifact)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range down {
		if unable(p) || stays(p, before, after) {
			others = append(others, p.name)
			continue
		}
		o := driver.Reopened{Name: p.name, Neighbor: p.key().Address, Why: "disabled by a command (birdc disable)"}
		switch last := p.fields["Last error"]; {
		case limited(p):
			o.Why = "closed at its limit"
		case last != "":
			o.Why = "closed by itself (" + last + ")"
		}
		o.Remedy = enable(p.name) + ", or write \"disabled;\" into its protocol and load that (birdc configure)"
		if _, ours := own[p.name]; ours {
			o.Remedy = enable(p.name) + ", or set the session's intent to shutdown and deploy that"
		}
		opened = append(opened, o)
	}
	return opened, others, nil
}

// enable is what a person types to open a protocol again.
func enable(name string) string {
	if strings.ContainsAny(name, ".:-") {
		return `birdc "enable '` + name + `'"`
	}
	return "birdc enable " + name
}

// closedMeanwhile names what a command closed while the trial ran and an undo
// would open. Where that can't be told, the undo is worth more.
func (r *Reader) closedMeanwhile(ctx context.Context) (names []string) {
	down, err := r.down(ctx)
	if err != nil || len(down) == 0 {
		return nil
	}
	f, err := r.readFacts(ctx)
	if err != nil {
		return nil
	}
	before, after, err := r.sayings(ctx, f, f.owned)
	if err != nil {
		return nil
	}
	for _, p := range down {
		if !limited(p) && !unable(p) && !stays(p, before, after) {
			names = append(names, p.name)
		}
	}
	return names
}

// down lists the protocols that are closed.
func (r *Reader) down(ctx context.Context) ([]protocol, error) {
	replies, err := r.birdc(ctx, "show protocols all")
	return slices.DeleteFunc(protocols(replies), func(p protocol) bool { return p.state != "down" }), err
}

// sayings is what the running configuration says of each protocol, and what it
// would say with another text in the place of ours.
func (r *Reader) sayings(ctx context.Context, f facts, text string) (before, after map[string]declaration, err error) {
	refs, err := peering.SecretRefs(text)
	if err != nil {
		return nil, nil, err
	}
	boot, err := r.restore(ctx, f.owned, refs)
	if err != nil {
		return nil, nil, err
	}
	running, err := r.runningText(ctx, f, refs, boot)
	if err != nil {
		return nil, nil, err
	}
	foreign, err := r.expand(ctx, f.main, path.Dir(r.settings.Main), deepest)
	if err != nil {
		return nil, nil, err
	}
	if before, err = declarations(strings.Replace(foreign, ownedHere, running, 1)); err == nil {
		after, err = declarations(strings.Replace(foreign, ownedHere, text, 1))
	}
	if err != nil {
		err = peering.Errorf(peering.Invalid, "%s: which protocols its configuration closes: %w", r.router, err)
	}
	return before, after, err
}

// unable reports a protocol that BIRD can't start: its neighbor is no host that it may peer with, or
// the host lacks the local address or has its port taken. It is down by nobody's will, and every load
// tries it again; that somebody disabled it as well leaves no trace in BIRD.
func unable(p protocol) bool {
	return slices.Contains([]string{"Error: Invalid next hop", "Error: No listening socket", "Error: Kernel MD5 auth failed"}, p.fields["Last error"])
}

func limited(p protocol) bool { return strings.Contains(p.fields["Last error"], "limit exceeded") }

// stays reports that a closed protocol may be left to the next configuration:
// that closes it or doesn't have it, or the running one closed it and somebody
// approved that the next doesn't. A limit's end is in the approval of whoever
// changes the protocol itself.
func stays(p protocol, before, after map[string]declaration) bool {
	was, known := before[p.name]
	if known && was.disabled {
		return true
	}
	next := 0
	for _, s := range after {
		if s.name != p.name && (!s.neighbor.IsValid() || s.neighbor != p.key().Address) {
			continue
		}
		if next++; !s.disabled && !(known && limited(p) && s.name == p.name && s.code != was.code) {
			return false
		}
	}
	return next > 0 || known
}

const (
	ownedHere = "\n#peerflow's own part\n" // stands in for the owned file's text
	deepest   = 8                          // includes in includes: BIRD's own limit
)

// includedScript prints each file that a name with wildcards stands for: the
// name's number, the text in base64 and the path.
const includedScript = `LC_ALL=C
export LC_ALL
IFS=
i=0
for name; do
  for f in $name; do
    if [ -f "$f" ]; then
      printf '%s ' "$i"
      base64 -w 0 -- "$f" || exit 1
      printf ' %s\n' "$f"
    fi
  done
  i=$((i + 1))
done
`

// expand puts the included files in the place of their statements, but for the
// owned file, which leaves a mark.
func (r *Reader) expand(ctx context.Context, text, folder string, depth int) (string, error) {
	found := includes(text, folder)
	if len(found) == 0 || depth == 0 {
		return text, nil
	}
	names := make([]string, 0, len(found))
	for _, inc := range found {
		names = append(names, inc.file)
	}
	res, err := r.shell.run(ctx, includedScript, nil, names...)
	if err != nil {
		return "", err
	}
	if res.code != 0 {
		return "", peering.Errorf(peering.Denied, "%s: this login can't read a file that %s includes: let the login's group read it, to tell what stays closed", r.router, r.settings.Main)
	}
	texts := map[int]string{}
	for line := range strings.Lines(res.out) {
		number, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		encoded, file, whole := strings.Cut(rest, " ")
		i, errNumber := strconv.Atoi(number)
		part, errPart := base64.StdEncoding.DecodeString(encoded)
		if errNumber != nil || errPart != nil || !whole || i >= len(found) {
			return "", peering.NewError(peering.Unavailable, "what was read from it is cut short")
		}
		if file == r.settings.Owned {
			texts[i] += ownedHere
			continue
		}
		inner, err := r.expand(ctx, string(part), path.Dir(file), depth-1)
		if err != nil {
			return "", err
		}
		texts[i] += inner + "\n"
	}
	var b strings.Builder
	last := 0
	for i, inc := range found {
		b.WriteString(text[last:inc.start])
		b.WriteString(texts[i])
		last = inc.end
	}
	b.WriteString(text[last:])
	return b.String(), nil
}
