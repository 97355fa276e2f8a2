// Package house keeps the shape of the source tree: who may import whom, what the lean binary may link, how big
// functions and files grow, which names must be unique, and what a public repository must not hold.
// It holds no product code and nothing imports it; the rules are its tests, each a table with the reason beside the rule.
// Start with arrows_test.go, which is docs/architecture.md in a form that can fail.
package house
