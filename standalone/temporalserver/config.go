package temporalserver

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	postgresql "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/primitives"
)

const (
	mainDatabase       = "temporal"
	visibilityDatabase = "temporal_visibility"
	clusterName        = "active" // stored at the first start: never change it

	// Each of the five services has its own pool per database: at most 75 connections, which leaves 40 of pgserver's 120
	// to peerflow, and about 15 at rest.
	mainConns, visibilityConns, idleConns = 10, 5, 5
)

// Databases are those that must exist before Start; it makes the tables in them.
func Databases() []string { return []string{mainDatabase, visibilityDatabase} }

// database is a connection over the unix socket: pgx takes the host from the attributes, and the address that Temporal
// insists on is never dialled.
func (o Options) database(name string, conns int) *config.SQL {
	return &config.SQL{
		PluginName:        postgresql.PluginNamePGX,
		DatabaseName:      name,
		ConnectAddr:       "localhost:5432",
		ConnectProtocol:   "tcp",
		User:              o.User,
		ConnectAttributes: map[string]string{"host": o.SocketDir},
		MaxConns:          conns,
		MaxIdleConns:      idleConns,
		MaxConnLifetime:   time.Hour,
	}
}

// serviceConfig is the server's static configuration. HTTP ports stay 0, which leaves that API off.
func serviceConfig(o Options, ports map[primitives.ServiceName]int) *config.Config {
	c := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: "default", VisibilityStore: "visibility", NumHistoryShards: o.Shards,
			DataStores: map[string]config.DataStore{
				"default":    {SQL: o.database(mainDatabase, mainConns)},
				"visibility": {SQL: o.database(visibilityDatabase, visibilityConns)},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address(ports[primitives.FrontendService])},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            map[string]config.Service{},
	}
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = "127.0.0.1"
	for name, port := range ports {
		c.Services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: "127.0.0.1"}}
	}
	for _, state := range []*string{
		&c.Archival.History.State, &c.Archival.Visibility.State,
		&c.NamespaceDefaults.Archival.History.State, &c.NamespaceDefaults.Archival.Visibility.State,
	} {
		*state = "disabled"
	}
	return c
}

// hosts replaces Temporal's membership protocol: one of each, here.
func hosts(ports map[primitives.ServiceName]int) map[primitives.ServiceName]static.Hosts {
	h := map[primitives.ServiceName]static.Hosts{}
	for name, port := range ports {
		h[name] = static.SingleLocalHost(address(port))
	}
	return h
}
