package cmd

import (
	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/openconfig"
)

// Drivers lists the platforms that this build can speak to.
func Drivers() driver.Registry {
	return driver.NewRegistry(bird.New(), openconfig.New())
}
