// Package octest holds one test: what the OpenConfig driver sends, and what the
// lab's target answers, fit the complete OpenConfig schema as ygot's example
// bindings have it. It is a package of its own because those bindings take a
// minute to build for the first time.
package octest
