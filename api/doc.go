// Package api speaks HTTP: the nouns, changes and their way to the routers, over
// JSON, described as OpenAPI 3.1.
//
// It decides nothing about peering and knows neither SQL nor Temporal: what an
// operation needs stands beside it as a small interface, and package cmd hands
// in the database and the workflow client. Every error kind becomes a status in
// errors.go, every request passes guard.go. Start reading at New; nouns.go
// serves all records of one shape, changes.go what starts workflows.
package api
