package peering

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SecretRef names one version of a stored secret. Texts that people, hashes and
// histories see carry its placeholder, never the clear text.
type SecretRef struct {
	ID      int64  `json:"id"`
	Version int64  `json:"version"`
	Cipher  string `json:"cipher,omitempty"` // how the platform writes it, one of the ciphers below; "" is clear
}

// Secret is what is told of a stored secret: all but its value.
type Secret struct {
	ID      int64       `json:"id"`
	Name    string      `json:"name"`
	Version int64       `json:"version" doc:"the newest"`
	SetAt   time.Time   `json:"set_at" doc:"when that version was stored"`
	SetBy   string      `json:"set_by" doc:"who stored it"`
	UsedBy  []SecretUse `json:"used_by" doc:"records, and edits of open changes, that name a version"`
}

// SecretUse is one record that names a version of a secret.
type SecretUse struct {
	Object  string `json:"object" enum:"router,session,change" doc:"a router by its login, a session by its password, an open change for either"`
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version int64  `json:"version" doc:"0: a change would keep that of a record which is gone"`
}

func (u SecretUse) String() string { return fmt.Sprintf("%s %d (%s)", u.Object, u.ID, u.Name) }

// The ciphers that a placeholder may name. None keeps a secret from whoever reads the configuration.
const (
	CiscoType7  = "cisco-type7"
	Junos9      = "junos-9"
	AristaType7 = "arista-type7" // followed by the neighbor's address: arista-type7:192.0.2.1
)

var placeholder = regexp.MustCompile(`\{secret:(\d+)@(\d+)(?:\|([a-z0-9.:-]+))?\}`)

// String is the placeholder that stands in artifacts: {secret:17@3}.
func (r SecretRef) String() string {
	cipher := ""
	if r.Cipher != "" {
		cipher = "|" + r.Cipher
	}
	return fmt.Sprintf("{secret:%d@%d%s}", r.ID, r.Version, cipher)
}

// IsZero reports that no secret is meant.
func (r SecretRef) IsZero() bool { return r.ID == 0 }

// secretSpelt is how a placeholder begins, in any letters.
var secretSpelt = regexp.MustCompile(`(?i)\{+secret:`)

// SecretRefs lists the distinct placeholders in a text, in order of appearance.
// Text that holds "{secret:" in any other form, or in other letters, is refused.
func SecretRefs(text string) ([]SecretRef, error) {
	found := placeholder.FindAllStringSubmatch(text, -1)
	if strings.Count(strings.ToLower(text), "{secret:") != len(found) {
		return nil, errors.New("text holds \"{secret:\" outside a placeholder: a template may print a secret only as the secret's own value")
	}
	var refs []SecretRef
	for _, m := range found {
		ref, err := parseRef(m)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// placeholders is how many a text holds, the same secret's more than once.
func placeholders(text string) int { return strings.Count(text, "{secret:") }

// ReplaceSecrets puts what resolve gives in the place of each placeholder. The
// result holds secrets in clear: it goes to a router and nowhere else.
func ReplaceSecrets(text string, resolve func(SecretRef) (string, error)) (string, error) {
	refs, err := SecretRefs(text)
	if err != nil {
		return "", err
	}
	for _, ref := range refs {
		clear, err := resolve(ref)
		if err != nil {
			return "", fmt.Errorf("resolve secret %d version %d: %w", ref.ID, ref.Version, err)
		}
		text = strings.ReplaceAll(text, ref.String(), clear)
	}
	return text, nil
}

// HideSecrets rewrites placeholders as people see them: <secret v3>.
func HideSecrets(text string) string {
	return placeholder.ReplaceAllString(text, "<secret v$2>")
}

func parseRef(m []string) (SecretRef, error) {
	id, errID := strconv.ParseInt(m[1], 10, 64)
	version, errVersion := strconv.ParseInt(m[2], 10, 64)
	if errID != nil || errVersion != nil || id == 0 || version == 0 {
		return SecretRef{}, fmt.Errorf("%s names no secret: id and version start at 1", m[0])
	}
	return SecretRef{ID: id, Version: version, Cipher: m[3]}, nil
}
