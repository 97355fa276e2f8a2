package bgp

// Role is our own role on a session (RFC 9234 §3.1). The zero value announces
// no role.
type Role string

const (
	RoleProvider Role = "provider"
	RoleRS       Role = "rs-server"
	RoleRSClient Role = "rs-client"
	RoleCustomer Role = "customer"
	RolePeer     Role = "peer"
)
