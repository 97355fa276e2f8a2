package up

import (
	"net/http"

	"peerflow/standalone/temporalserver"
)

// handler serves the API, and Temporal's Web UI for those who are logged in.
func (s *Stack) handler(address string) (http.Handler, error) {
	ui, err := temporalserver.UIHandler(s.temporal.HostPort(), "/temporal", s.Parts.Config.TemporalSecret)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/temporal/", ui)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux, nil
}
