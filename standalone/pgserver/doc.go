// Package pgserver runs the private PostgreSQL of `peerflow up` as a child process.
//
// It uses the binaries that the machine already has, keeps the cluster in <data folder>/postgres, and listens on a
// unix socket only, in a folder that nobody else may enter. The child dies with us; when it could not, the next Start
// stops it. Nothing here ever deletes a cluster: a folder that doesn't fit is refused with what to do about it.
//
// It must not hold anything about peerflow's own tables. Start reading at Start in server.go.
package pgserver
