// Package temporalserver runs the Temporal server of `peerflow up` inside our process, on the PostgreSQL of pgserver,
// and serves Temporal's Web UI.
//
// Every port is on 127.0.0.1 and none of them is open to other users of the machine: the frontend asks for the data
// folder's secret (package internal/temporalauth), and the ports between Temporal's own services ask for a
// certificate that exists only in this process's memory. docs/decisions/0004-embedded-stack.md says why.
//
// This is the only package that imports Temporal's server. Start reading at Start in server.go.
package temporalserver
