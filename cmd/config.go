package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config is where the parts of peerflow find each other. Commands that run
// alone read it from the environment; `peerflow up` fills it by itself.
type Config struct {
	DatabaseURL     string        // PEERFLOW_DATABASE_URL
	TemporalAddress string        // PEERFLOW_TEMPORAL_ADDRESS, host:port
	TemporalSecret  string        // PEERFLOW_TEMPORAL_SECRET, a bearer token; "" for a server without one
	TemporalKeyFile string        // PEERFLOW_TEMPORAL_API_KEY_FILE, needs TLS; "" for a server without API keys
	TemporalTLS     TemporalTLS   // PEERFLOW_TEMPORAL_TLS, _CA, _CERT, _KEY, _SERVER_NAME
	Namespace       string        // PEERFLOW_TEMPORAL_NAMESPACE; "" is default
	KeyFile         string        // PEERFLOW_KEY_FILE: the envelope key of the secrets, the same for every process; peerflow migrate makes it
	Listen          string        // PEERFLOW_LISTEN of the API, host:port
	PeeringDBURL    string        // PEERFLOW_PEERINGDB_URL; "" is the public one
	PeeringDBKey    string        // PEERFLOW_PEERINGDB_KEY; "" asks anonymously
	PollEvery       time.Duration // PEERFLOW_POLL; 0 is 60 s
	NoProvenance    bool          // PEERFLOW_PROVENANCE=false: a worker doesn't keep which template lines and records made a router's lines
	Sites           []string      // PEERFLOW_SITES: whose routers a worker reaches, by slug; none is every site there is
	LocalApproval   bool          // embedded with loopback listeners only: see Approval in docs/architecture.md
}

// ConfigFromEnvironment refuses what makes no sense, naming the variable. It may
// lack the addresses of database and Temporal.
func ConfigFromEnvironment(getenv func(string) string) (Config, error) {
	c := Config{
		DatabaseURL:     getenv("PEERFLOW_DATABASE_URL"),
		TemporalAddress: getenv("PEERFLOW_TEMPORAL_ADDRESS"),
		TemporalSecret:  getenv("PEERFLOW_TEMPORAL_SECRET"),
		Namespace:       getenv("PEERFLOW_TEMPORAL_NAMESPACE"),
		KeyFile:         getenv("PEERFLOW_KEY_FILE"),
		Listen:          orDefault(getenv("PEERFLOW_LISTEN"), "127.0.0.1:8480"),
		PeeringDBURL:    getenv("PEERFLOW_PEERINGDB_URL"),
		PeeringDBKey:    getenv("PEERFLOW_PEERINGDB_KEY"),
		Sites:           words(getenv("PEERFLOW_SITES")),
		TemporalKeyFile: getenv("PEERFLOW_TEMPORAL_API_KEY_FILE"),
		TemporalTLS: TemporalTLS{CAFile: getenv("PEERFLOW_TEMPORAL_CA"), CertFile: getenv("PEERFLOW_TEMPORAL_CERT"),
			KeyFile: getenv("PEERFLOW_TEMPORAL_KEY"), ServerName: getenv("PEERFLOW_TEMPORAL_SERVER_NAME")},
	}
	if on := getenv("PEERFLOW_TEMPORAL_TLS"); on != "" {
		var err error
		if c.TemporalTLS.On, err = strconv.ParseBool(on); err != nil {
			return c, fmt.Errorf("PEERFLOW_TEMPORAL_TLS=%s: say true or false", on)
		}
	}
	if kept := getenv("PEERFLOW_PROVENANCE"); kept != "" {
		on, err := strconv.ParseBool(kept)
		if err != nil {
			return c, fmt.Errorf("PEERFLOW_PROVENANCE=%s: say true or false", kept)
		}
		c.NoProvenance = !on
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

// words cuts a list at commas and blanks.
func words(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' })
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
