package render

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"peerflow/internal/jinja"
)

// mac is netaddr's EUI of 48 bits, in the dialect that Django's field gives it: 00:1b:77:49:54:fd.
type mac [6]byte

// macOf prints a MAC address; None when there is none.
func macOf(text string) jinja.Value {
	if m, ok := parseMAC(text); ok {
		return m
	}
	return jinja.None
}

// written are the ways in which MAC addresses are: 00:1b:77:49:54:fd, 00-1b-77-49-54-fd, 001b.7749.54fd and 001b774954fd.
var written = regexp.MustCompile(`^(?:(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}|[0-9a-fA-F]{12})$`)

func parseMAC(text string) (m mac, ok bool) {
	if !written.MatchString(text) {
		return mac{}, false
	}
	raw, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	return mac(raw), err == nil
}

func (mac) TypeName() string { return "EUI" }
func (m mac) Key() any       { return m }
func (m mac) Repr() string   { return "EUI('" + m.String() + "')" }
func (m mac) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}
func (m mac) bare() string  { return hex.EncodeToString(m[:]) }
func (m mac) cisco() string { b := m.bare(); return b[:4] + "." + b[4:8] + "." + b[8:] }

var macFields = offering(fields[mac]{
	"version": func(mac) jinja.Value { return jinja.Int(48) },
	"oui": func(m mac) jinja.Value {
		return jinja.Str(strings.ToUpper(strings.ReplaceAll(m.String()[:8], ":", "-")))
	},
})

func (m mac) Attr(name string) (jinja.Value, bool) { return macFields.of(m, name) }
