package bird

import (
	"fmt"
	"strconv"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// reply is one line of birdc -v: a code and a text. Codes are the daemon's
// interface to programs; the words around them change between versions.
type reply struct {
	code int
	text string
}

// Codes of BIRD 2.0 (doc/reply_codes in its source); 8000 and above are refusals.
const (
	codeReconfigured     = 3
	codeInProgress       = 4
	codeQueued           = 5
	codeConfirmed        = 18
	codeNothingToDo      = 19
	codeCheckedOK        = 20
	codeUndoScheduled    = 22 // "undo in 4.998 s" of configure status has it too
	codeValue            = 23 // eval
	codeRouterID         = 1011
	codeProtocol         = 1002
	codeProtocolDetail   = 1006
	codeRefused          = 8000
	codeConfigurationBad = 8002
)

// parseReplies reads the output of birdc -v: "0022-text" or "0003 text", where a
// line that starts with a blank repeats the code before it.
func parseReplies(out string) []reply {
	var replies []reply
	code := 0
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 5 {
			continue
		}
		if n, err := strconv.Atoi(line[:4]); err == nil && (line[4] == ' ' || line[4] == '-') {
			code = n
		} else if line[0] != ' ' {
			continue
		}
		replies = append(replies, reply{code, line[5:]})
	}
	return replies
}

// find gives the text of the first reply with that code.
func find(replies []reply, code int) (string, bool) {
	for _, r := range replies {
		if r.code == code {
			return r.text, true
		}
	}
	return "", false
}

// refusal gives the daemon's words when it refused the command.
func refusal(replies []reply) (reply, bool) {
	for _, r := range replies {
		if r.code >= codeRefused {
			return r, true
		}
	}
	return reply{}, false
}

// silent is the error for a birdc that printed no reply: the daemon is away, or birdc is.
func silent(router string) error {
	return fmt.Errorf("%s: %w: birdc got no whole answer from the daemon: is BIRD running, does the setting birdc name its control socket, and may the login use that (as one of group bird, or by sudo -n)?",
		router, driver.ErrUnreachable)
}

// timeless is the error for a BIRD whose loads can't be told apart, nor from edits of its files.
func timeless(router string) error {
	return peering.Errorf(peering.Unsupported, "%s: BIRD doesn't tell date and time of its last load, or the host's date can't read them: write \"timeformat base iso long ms;\" into its main file and load that (birdc configure); the host needs GNU's date", router)
}

// value reads the answer of eval; a constant that isn't defined has none.
func value(router string, replies []reply) (string, error) {
	if v, ok := find(replies, codeValue); ok {
		return v, nil
	}
	if _, ok := refusal(replies); ok {
		return "", nil
	}
	return "", silent(router)
}

// failed is the error for a command that the daemon refused for a reason outside a candidate.
func failed(router, act string, replies []reply) error {
	if len(replies) == 0 {
		return silent(router)
	}
	r, refused := refusal(replies)
	if !refused {
		r = replies[len(replies)-1]
	}
	return peering.Errorf(peering.Conflict, "%s: BIRD answers code %04d to %s", router, r.code, act)
}
