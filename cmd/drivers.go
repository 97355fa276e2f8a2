package cmd

import (
	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/eos"
	"peerflow/internal/driver/frr"
	"peerflow/internal/driver/iosxe"
	"peerflow/internal/driver/iosxr"
	"peerflow/internal/driver/junos"
	"peerflow/internal/driver/nxos"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/driver/sros"
	"peerflow/internal/peering"
)

// Drivers lists the platforms that this build can speak to.
func Drivers() driver.Registry {
	return driver.NewRegistry(bird.New(), openconfig.New())
}

// renderedOnly are the platforms that this build renders, checks and previews for, and can't speak to.
var renderedOnly = map[string]peering.Syntax{
	"eos": eos.Syntax, "frr": frr.Syntax, "iosxe": iosxe.Syntax, "iosxr": iosxr.Syntax, "junos": junos.Syntax, "nxos": nxos.Syntax, "sros": sros.Syntax,
}

// syntaxOf is how a platform's configuration is cut into stanzas, whether or not this build can speak to it.
func syntaxOf(name string) (peering.Syntax, error) {
	if syntax, ok := renderedOnly[name]; ok {
		return syntax, nil
	}
	platform, err := Drivers().Platform(name)
	if err != nil {
		return nil, err
	}
	return platform.Syntax(), nil
}
