// Package jinja renders Jinja2 3.1 templates. It is an engine of our own because router configurations must come
// out byte for byte as Jinja2 prints them, and a template must see nothing but what it is offered.
//
// RenderTraced (trace.go) tells for each line of the text which template lines and which fields made it.
//
// A template goes through four steps: lexer.go cuts the text into tokens, parser*.go builds the nodes of ast.go,
// symbols.go decides which variable each name means, and compile*.go turns nodes into closures over a State.
// Values (value.go) follow Python: None and undefined apart, insertion-ordered dicts, unbounded integers.
//
// Start reading at Environment and Template. NewEnvironment takes Options; Parse gives an immutable Template,
// shared freely by goroutines; Render runs it within Limits. Errors are *Error and name the Python class.
// The package knows nothing of BGP: filters, functions, tags and objects come from its user.
package jinja
