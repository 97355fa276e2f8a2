package cmd

import (
	"fmt"
	"time"
)

// Config is where the parts of peerflow find each other. Commands that run
// alone read it from the environment; `peerflow up` fills it by itself.
type Config struct {
	DatabaseURL     string        // PEERFLOW_DATABASE_URL
	TemporalAddress string        // PEERFLOW_TEMPORAL_ADDRESS, host:port
	TemporalSecret  string        // PEERFLOW_TEMPORAL_SECRET; "" for a server without one
	Namespace       string        // PEERFLOW_TEMPORAL_NAMESPACE; "" is default
	KeyFile         string        // PEERFLOW_KEY_FILE: the envelope key of the secrets
	Listen          string        // PEERFLOW_LISTEN of the API, host:port
	PeeringDBURL    string        // PEERFLOW_PEERINGDB_URL; "" is the public one
	PeeringDBKey    string        // PEERFLOW_PEERINGDB_KEY; "" asks anonymously
	PollEvery       time.Duration // PEERFLOW_POLL; 0 is 60 s
	LocalApproval   bool          // embedded with loopback listeners only: see Approval in docs/architecture.md
}

// configFromEnvironment refuses what is missing, naming the variable.
func configFromEnvironment(getenv func(string) string) (Config, error) {
	c := Config{
		DatabaseURL:     getenv("PEERFLOW_DATABASE_URL"),
		TemporalAddress: getenv("PEERFLOW_TEMPORAL_ADDRESS"),
		TemporalSecret:  getenv("PEERFLOW_TEMPORAL_SECRET"),
		Namespace:       getenv("PEERFLOW_TEMPORAL_NAMESPACE"),
		KeyFile:         getenv("PEERFLOW_KEY_FILE"),
		Listen:          orDefault(getenv("PEERFLOW_LISTEN"), "127.0.0.1:8480"),
		PeeringDBURL:    getenv("PEERFLOW_PEERINGDB_URL"),
		PeeringDBKey:    getenv("PEERFLOW_PEERINGDB_KEY"),
	}
	if c.DatabaseURL == "" {
		return c, fmt.Errorf("PEERFLOW_DATABASE_URL isn't set: give the database's URL, or run peerflow up")
	}
	if every := getenv("PEERFLOW_POLL"); every != "" {
		d, err := time.ParseDuration(every)
		if err != nil || d < time.Second {
			return c, fmt.Errorf("PEERFLOW_POLL=%s: give a duration of at least 1s", every)
		}
		c.PollEvery = d
	}
	return c, nil
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
