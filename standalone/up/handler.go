package up

import (
	"net/http"

	"peerflow/cmd"
	"peerflow/standalone/temporalserver"
)

// handler serves the API, and Temporal's Web UI behind the same login.
func (s *Stack) handler() (http.Handler, error) {
	ui, err := temporalserver.UIHandler(s.temporal.HostPort(), "/temporal", s.Parts.Config.TemporalSecret)
	if err != nil {
		return nil, err
	}
	guard := s.Parts.Guard()
	mux := http.NewServeMux()
	mux.Handle("/temporal/", guard.Protect(cmd.WithPerson(ui)))
	mux.Handle("/", s.Parts.API(guard))
	return mux, nil
}
