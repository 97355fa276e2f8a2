package cipher

import (
	"crypto/sha256"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/peering"
)

// Texts that routers and other tools wrote: what is read from them is the secret.
func TestTextsOfOthersAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cipher, text, clear string }{
		{CiscoType7, "094F471A1A0A", "cisco"},
		{CiscoType7, "7 070C285F4D06", "cisco"},
		{Junos9, "$9$ikPQtu1IhrqmBEyrLXk.PQnCp0ISyK", "mypassword"},
		{Junos9, "$9$lqlK87goGUi.vWZjq.F3KM87VY4aUkqf", "mypassword"},
		{AristaType7 + ":192.0.2.1", "7 y+H7lLFzp/YsDHHDOkvsCg==", "mypassword"},
		{AristaType7 + ":2001:db8::1", "MvaoTUNIrHU4N6c3nmp5gg==", "mypassword"},
	} {
		got, err := Read(c.cipher, c.text)
		if err != nil || got != c.clear {
			t.Errorf("%s %s: %q, %v, want %q", c.cipher, c.text, got, err, c.clear)
		}
	}
	if got := writeJunos("mypassword", sha256.Sum256([]byte("192.0.2.1"))); got != "$9$ikPQtu1IhrqmBEyrLXk.PQnCp0ISyK" {
		t.Errorf("junos-9 writes %s", got)
	}
	if got, err := writeArista("mypassword", "192.0.2.1"); got != "y+H7lLFzp/YsDHHDOkvsCg==" {
		t.Errorf("arista-type7 writes %s, %v", got, err)
	}
}

var all = []string{"", CiscoType7, Junos9, AristaType7}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		clear := rapid.StringN(1, 60, 80).Draw(r, "clear")
		ref := peering.SecretRef{ID: rapid.Int64Range(1, 99).Draw(r, "id"), Version: 1,
			Cipher: rapid.SampledFrom([]string{"", CiscoType7, Junos9, AristaType7 + ":192.0.2.1", AristaType7 + ":2001:db8::1"}).Draw(r, "cipher")}
		text, err := Write(ref, clear, "", all...)
		if err != nil {
			r.Fatal(err)
		}
		if got, err := Read(ref.Cipher, text); err != nil || got != clear {
			r.Fatalf("%s: %q reads as %q, %v", ref, text, got, err)
		}
		if again, _ := Write(ref, clear, "", all...); again != text {
			r.Fatalf("%s: %q, then %q", ref, text, again)
		}
	})
}

func TestBrokenTextsAreRefusedAndNeverPanic(t *testing.T) {
	t.Parallel()
	for _, cipher := range []string{CiscoType7, Junos9, AristaType7 + ":192.0.2.1"} {
		for _, text := range []string{"", "7 ", "9", "$9$", "$9$Q", "$9$ikP", "zz00", "0Zqq", "y+H7", "====", "$9$\xff\xff\xff"} {
			if got, err := Read(cipher, text); err == nil {
				t.Errorf("%s: %q reads as %q", cipher, text, got)
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.String().Draw(r, "text")
		for _, cipher := range []string{CiscoType7, Junos9, AristaType7 + ":192.0.2.1"} {
			_, _ = Read(cipher, text)
			_, _ = Read(cipher, junosMark+text)
		}
	})
}

// The salts of a text that the router wrote are its own: an unrelated change must not send the password again.
func TestTheRoutersTextIsKeptWhenItMeansTheSameSecret(t *testing.T) {
	t.Parallel()
	ref := peering.SecretRef{ID: 17, Version: 3, Cipher: CiscoType7}
	for salt := range ciscoSalts {
		running := writeCisco("cisco", salt)
		for _, prefix := range []string{"", "7 "} {
			if got, err := Write(ref, "cisco", prefix+running, CiscoType7); err != nil || got != running {
				t.Errorf("salt %d: %q becomes %q, %v", salt, running, got, err)
			}
		}
		if got, err := Write(ref, "other", running, CiscoType7); err != nil || got == running {
			t.Errorf("salt %d: %q stays for another secret, %v", salt, got, err)
		}
	}
}

func TestACipherThatThePlatformCannotReadIsRefused(t *testing.T) {
	t.Parallel()
	const clear = "a-secret-in-clear"
	for _, c := range []struct {
		ref     peering.SecretRef
		allowed []string
		want    string
	}{
		{peering.SecretRef{ID: 17, Version: 3, Cipher: CiscoType7}, []string{""}, "doesn't read cisco-type7, but clear text"},
		{peering.SecretRef{ID: 17, Version: 3}, []string{CiscoType7, Junos9}, "doesn't read clear text, but cisco-type7, junos-9"},
		{peering.SecretRef{ID: 17, Version: 3, Cipher: "rot13"}, []string{"rot13"}, "no cipher is named"},
		{peering.SecretRef{ID: 17, Version: 3, Cipher: AristaType7}, all, "needs the neighbor's address"},
	} {
		_, err := Write(c.ref, clear, "", c.allowed...)
		if err == nil || !strings.Contains(err.Error(), c.want) || peering.KindOf(err) != peering.Invalid {
			t.Errorf("%s: %v, want %q", c.ref, err, c.want)
		} else if strings.Contains(err.Error(), clear) {
			t.Errorf("%s: the error holds the secret: %v", c.ref, err)
		}
	}
}
