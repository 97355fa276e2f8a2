package temporalserver

import (
	"context"
	"net"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/server/common/authorization"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"peerflow/internal/temporalauth"
)

const (
	userPrincipal    = "user"     // a person, named by a holder of a secret
	servicePrincipal = "peerflow" // peerflow itself: workers, schedules
)

// secretMapper turns the data folder's secret, and that of this process's own clients, into Temporal's administrator
// role, and anything else into no claims.
type secretMapper struct{ secret, own string }

// ownClient marks the claims of this process's own clients.
type ownClient struct{}

// GetClaims returns nil rather than an error for a wrong secret: an error would let strangers fill the log.
func (m secretMapper) GetClaims(info *authorization.AuthInfo) (*authorization.Claims, error) {
	claims := &authorization.Claims{System: authorization.RoleAdmin, AuthType: servicePrincipal, Subject: servicePrincipal}
	switch {
	case temporalauth.Accepts(m.own, info.AuthToken):
		claims.Extensions = ownClient{}
	case !temporalauth.Accepts(m.secret, info.AuthToken):
		return nil, nil
	}
	if user := temporalauth.DecodeUser(info.ExtraData); user != "" {
		claims.AuthType, claims.Subject = userPrincipal, user
	}
	return claims, nil
}

// doorkeeper lets administrators do everything and others ask for health alone. Temporal's own services come as
// administrators: they call the internal frontend, whose claims the server sets itself and whose port asks for our
// certificate (tls.go).
type doorkeeper struct {
	refused   func(method, from string) // nil: nobody is told
	commanded func(Command)             // nil: nobody is told
}

func (d doorkeeper) Authorize(ctx context.Context, caller *authorization.Claims, target *authorization.CallTarget) (authorization.Result, error) {
	if target.APIName == healthpb.Health_Check_FullMethodName {
		return authorization.Result{Decision: authorization.DecisionAllow}, nil
	}
	if caller == nil || caller.System&authorization.RoleAdmin == 0 {
		if d.refused != nil {
			d.refused(target.APIName, hostOf(ctx))
		}
		return authorization.Result{Decision: authorization.DecisionDeny, Reason: "the secret of the data folder is missing or wrong"}, nil
	}
	if d.commanded != nil {
		if c, told := command(caller, target); told {
			c.From = hostOf(ctx)
			d.commanded(c)
		}
	}
	principal := &commonpb.Principal{Type: caller.AuthType, Name: caller.Subject}
	return authorization.Result{Decision: authorization.DecisionAllow, Principal: principal}, nil
}

// hostOf is where a call comes from, without the port; "" when gRPC doesn't say.
func hostOf(ctx context.Context) string {
	from, known := peer.FromContext(ctx)
	if !known {
		return ""
	}
	host, _, err := net.SplitHostPort(from.Addr.String())
	if err != nil {
		return from.Addr.String()
	}
	return host
}
