package jinja

func filterPprint(_ *State, in Value, a Args) Value   { return Str(repr(in)) }
func filterUrlize(_ *State, in Value, a Args) Value   { return in }
func filterWordwrap(_ *State, in Value, a Args) Value { return in }
func lipsum(_ *State, a Args) Value                   { return Str("") }
