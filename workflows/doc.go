// Package workflows holds the order of things: what happens after what, who is
// waited for, and what is undone. Workflows are deterministic and do no I/O;
// the state that people read and the votes they cast live in the database.
//
//	workflow          id                 starts                       updates, signals, queries
//	ProvisionPeering  provision/<change> POST /peerings               signal look_again
//	DeployChange      change/<change>    ProvisionPeering, POST       update decide; signal look_again
//	                                     /changes
//	ServeRouter       router/<id>        first deployment submitted   signal enqueue
//	DeployRouter      deployment/<id>    ServeRouter (abandoned)      signal look_again
//	ProposeRouter     proposal/<dep.>    deployment to a router in    signal look_again
//	                                     mode propose
//	PollRouter        poll/<router>      Schedule                     -
//	CompareRouter     diff/<router>      GET /routers/{id}/diff       -
//	SyncPeeringDB     sync/peeringdb     Schedule                     -
//
// Undo: nothing before DeployRouter writes to a router, nor does ProposeRouter; DeployRouter decides
// every step by reading the router (peering.NextStep) and ends at base or at
// the artifact. Start reading with deploy_change.go.
package workflows
