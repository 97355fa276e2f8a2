package render

import (
	"embed"
	"fmt"
	"strings"

	"peerflow/internal/peering"
)

//go:embed starter/*.j2
var starters embed.FS

// starterTable says what each file of starter/ is.
var starterTable = []struct{ platform, file, about string }{
	{"bird", "bird2", "BIRD 2: one protocol per session, one filter per chain of policies, in a file that the main one includes"},
	{"openconfig", "openconfig", "OpenConfig over gNMI: one neighbor per session, one policy definition per policy, in JSON"},
	{"frr", "frr", "FRR: one neighbor per session, one route map per chain of policies, for a person to load with vtysh -f; what the preview shows as removed goes last, with \"no\""},
	{"junos", "junos", "Junos: one group per session, one policy per chain of policies, in configuration group peerflow, which \"load replace\" puts in place of what it was: nothing is left to remove"},
	{"iosxr", "iosxr", "IOS-XR: one neighbor per session, one route policy per chain of policies, for one commit; what the preview shows as removed goes with \"no\" in the same commit"},
	{"eos", "eos", "EOS: one neighbor per session, one route map per chain of policies, for a \"configure session\"; what the preview shows as removed goes with \"no\" in the same session"},
	{"iosxe", "iosxe", "IOS and IOS-XE: one neighbor per session, one route map per chain of policies; what the preview shows as removed goes last, with \"no\""},
	{"nxos", "nxos", "NX-OS: one neighbor per session, one route map per chain of policies; what the preview shows as removed goes last, with \"no\""},
	{"sros", "sros", "SR OS, model-driven: one neighbor per session, one policy per chain of policies, for one candidate in which a person first deletes what the preview shows as changed or removed"},
}

// mails are texts to people, in Peering Manager's mail context. The request is what "peering ask" writes.
var mails = []struct{ name, about string }{
	{"mail-reminder", "a mail, its first line the subject: sessions that are configured here and not up yet"},
	{"mail-maintenance", "a mail, its first line the subject: sessions that drain for a maintenance"},
	{"mail-up", "a mail, its first line the subject: sessions that are up"},
}

// heads are what several starters begin with: the line that wants one, and its file.
var heads = map[string]string{"{#- policies -#}\n": "policies", "{#- mail -#}\n": "mail-sessions"}

// Starters are the templates to begin with, by platform, and those of mails.
func Starters() []peering.Starter {
	all := make([]peering.Starter, 0, len(starterTable))
	for _, row := range starterTable {
		all = append(all, peering.Starter{Platform: row.platform, About: row.about, Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: withHead(row.file)})
	}
	for _, m := range mails {
		all = append(all, peering.Starter{Platform: m.name, About: m.about, Mode: peering.ModeWhole, Engine: peering.EngineJinja2, Body: withHead(m.name)})
	}
	return all
}

func withHead(file string) string {
	text := starterFile(file)
	for line, head := range heads {
		text = strings.Replace(text, line, starterFile(head), 1)
	}
	return text
}

func starterFile(name string) string {
	text, err := starters.ReadFile("starter/" + name + ".j2")
	if err != nil {
		panic(err) // embedded when this was built
	}
	return string(text)
}

// Starter is the template to begin with on a platform.
func Starter(platform string) (string, error) {
	for _, s := range Starters() {
		if s.Platform == platform {
			return s.Body, nil
		}
	}
	return "", fmt.Errorf("no starter template for platform %q", platform)
}
