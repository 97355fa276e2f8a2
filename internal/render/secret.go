package render

import (
	"net/netip"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// The ciphers in which a platform writes a password, as placeholders name them. A router's address follows Arista's.
const (
	cipherCisco  = peering.CiscoType7
	cipherJunos  = peering.Junos9
	cipherArista = peering.AristaType7
)

// magic is what stands in front of a type 7 password; the placeholder gives what follows it.
const magic = "7 "

// ciphers gives each cipher by the names it goes by, Peering Manager's for Junos among them.
var ciphers = map[string]string{cipherCisco: cipherCisco, cipherJunos: cipherJunos, "juniper-type9": cipherJunos, cipherArista: cipherArista}

// passwordAlgorithm is how a platform writes passwords, in Peering Manager's words; "" when they stand there in clear.
func passwordAlgorithm(platform string) string {
	for prefix, algorithm := range map[string]string{"arista": "arista-type7", "cisco": "cisco-type7", "juniper": "juniper-type9", "junos": "juniper-type9"} {
		if strings.HasPrefix(platform, prefix) {
			return algorithm
		}
	}
	return ""
}

// secretValue prints as its placeholder and can do nothing else. It is true.
type secretValue struct {
	ref   peering.SecretRef
	peer  netip.Addr // of the session: the key of Arista's cipher
	magic bool       // "7 " stands in front
}

func (secretValue) TypeName() string { return "secret" }

func (s secretValue) Print(state *jinja.State) (string, error) {
	around := surrounding(state.Context())
	return s.text(around.secrets, state.Final() && !around.export), nil
}

// text is what a rendering writes for the secret; final is whether no template can change it any more.
func (s secretValue) text(p *printing, final bool) string {
	if s.magic {
		return magic + p.print(s.ref, final)
	}
	return p.print(s.ref, final)
}

// passwords are a session's secret in clear and as its platform writes it; nil when there is none.
func passwords(s peering.Session, platform *Platform) (clear, encrypted jinja.Value) {
	if s.Password.IsZero() {
		return nil, nil
	}
	plain := secretValue{ref: peering.SecretRef{ID: s.Password.ID, Version: s.Password.Version}, peer: s.PeerAddress}
	if platform == nil || platform.PasswordAlgorithm == "" {
		return plain, nil
	}
	ciphered := plain.in(ciphers[platform.PasswordAlgorithm])
	ciphered.magic = ciphered.ref.Cipher != cipherJunos
	return plain, ciphered
}

// in is the secret as a cipher writes it.
func (s secretValue) in(cipher string) secretValue {
	s.ref.Cipher = cipher
	if cipher == cipherArista {
		s.ref.Cipher += ":" + s.peer.String()
	}
	return s
}

// filterCipher is {{ session.password | cipher('cisco-type7') }}.
func filterCipher(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	name, err := textArgs(s, a, "cipher", "name")
	if err != nil {
		return nil, err
	}
	cipher, known := ciphers[name[0]]
	if !known {
		return nil, jinja.Errorf(jinja.ValueErr, "there is no cipher %q: it is one of %s, %s and %s", name[0], cipherCisco, cipherJunos, cipherArista)
	}
	secret, ok := in.(secretValue)
	switch {
	case in == jinja.None:
		return in, nil
	case !ok:
		return nil, jinja.Errorf(jinja.ValueErr, "only a session's password can be ciphered, and not a %s", in.TypeName())
	case secret.ref.Cipher != "":
		return nil, jinja.Errorf(jinja.ValueErr, "the password is ciphered already: cipher session.password, and not session.encrypted_password")
	}
	return secret.in(cipher), nil
}

// filterType7 strips the "7 " in front of a ciphered password.
func filterType7(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("type7_password", a); err != nil {
		return nil, err
	}
	if secret, ok := in.(secretValue); ok {
		secret.magic = false
		return secret, nil
	}
	text, err := textOf(s, in, "cisco_password and arista_password take a password")
	return jinja.Str(strings.TrimPrefix(text, magic)), err
}
