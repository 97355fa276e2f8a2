package render

import (
	"embed"
	"fmt"

	"peerflow/internal/peering"
)

//go:embed starter/*.j2
var starters embed.FS

// starterTable says what each file of starter/ is.
var starterTable = []struct{ platform, file, about string }{
	{"bird", "bird2", "BIRD 2: one protocol per session, one filter per chain of policies, in a file that the main one includes"},
	{"openconfig", "openconfig", "OpenConfig over gNMI: one neighbor per session, one policy definition per policy, in JSON"},
}

// Starters are the templates to begin with, by platform.
func Starters() []peering.Starter {
	all := make([]peering.Starter, 0, len(starterTable))
	for _, row := range starterTable {
		text, err := starters.ReadFile("starter/" + row.file + ".j2")
		if err != nil {
			panic(err) // embedded when this was built
		}
		all = append(all, peering.Starter{Platform: row.platform, About: row.about, Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: string(text)})
	}
	return all
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
