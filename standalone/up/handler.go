package up

import (
	"net/http"

	"peerflow/cmd"
	"peerflow/standalone/temporalserver"
)

// handler serves the API, and the Web UI of our own Temporal behind the same login.
func (s *Stack) handler() (http.Handler, error) {
	guard := s.guard.Load()
	if s.temporal == nil {
		return s.Parts.API(guard), nil
	}
	ui, err := temporalserver.UIHandler(s.temporal.HostPort(), "/temporal", s.secret)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/temporal/", guard.Protect(cmd.WithPerson(ui)))
	mux.Handle("/", s.Parts.API(guard))
	return mux, nil
}
