package bgp

// State is a session's state in the finite state machine (RFC 4271 §8.2.2), as
// a router reports it. The zero value means that nothing was reported.
type State string

const (
	Idle        State = "idle"
	Connect     State = "connect"
	Active      State = "active"
	OpenSent    State = "opensent"
	OpenConfirm State = "openconfirm"
	Established State = "established"
)
