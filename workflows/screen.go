package workflows

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"peerflow/internal/peering"
)

// screen is what an operator reads of a workflow in Temporal's UI. Each step
// shows a whole one, so that nothing of an earlier step stays.
type screen struct {
	state string       // the heading, and a label; "" keeps the one that it has
	turn  peering.Turn // who has to move; zero is nobody outside of peerflow
	doing string       // what it does, or what came of it
	send  string       // a text for somebody else, to copy
	waits string       // what it waits for, and whom
	until time.Time    // zero: as long as it takes
	then  string       // what happens at that time by itself
	can   []can        // what a person may do now
}

// can is something that a person may do, by the command to type.
type can struct{ to, command string }

// show puts a screen up, and labels the workflow by it.
func (s screen) show(ctx workflow.Context, known labels) {
	if known.state = s.state; s.state == "" {
		s.state = labelsOf(ctx).state
	}
	if known.turn = s.turn; s.turn == "" {
		known.turn = peering.TurnNobody
	}
	label(ctx, known)
	workflow.SetCurrentDetails(ctx, s.markdown())
}

func (s screen) markdown() string {
	text := ""
	if s.state != "" {
		text += fmt.Sprintf("### %s\n\n", strings.ReplaceAll(s.state, "_", " "))
	}
	if s.doing != "" {
		text += fmt.Sprintf("%s\n\n", plain(s.doing))
	}
	if s.waits != "" {
		text += fmt.Sprintf("**Waits for** %s\n\n", plain(s.waits))
	}
	if !s.until.IsZero() {
		text += fmt.Sprintf("**Until** %s UTC: then %s\n\n", s.until.UTC().Format("2006-01-02 15:04:05"), s.then)
	}
	if s.send != "" {
		text += "**To send**\n\n" + quoted(s.send)
	}
	return strings.TrimSpace(text + commands(s.can))
}

// quoted is a text as it stands, each line indented as Markdown's own block for that.
func quoted(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n\n"
}

// commands are lines to copy into a shell, each with what it is for.
func commands(all []can) string {
	if len(all) == 0 {
		return ""
	}
	width := 0
	for _, c := range all {
		width = max(width, len(c.command))
	}
	lines := ""
	for _, c := range all {
		lines += fmt.Sprintf("%-*s  # %s\n", width, c.command, c.to)
	}
	return "```sh\n" + lines + "```"
}

// plain keeps text of people and routers from being read as Markdown: links,
// images and code in it stay text. Line breaks stay.
func plain(text string) string {
	return markdown.Replace(text)
}

var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "!", `\!`, "|", `\|`)

// maxLine is the most of a summary, in bytes as Temporal stores it: of more than
// 400 it refuses the whole workflow, its own wrapping included.
const maxLine = 300

// oneLine makes a summary of any text.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if stored(text) <= maxLine {
		return text
	}
	cut := []rune(text)
	for cut = cut[:min(len(cut), maxLine)]; stored(string(cut)+"…") > maxLine; {
		cut = cut[:len(cut)-1]
	}
	return string(cut) + "…"
}

// stored is how many bytes a history keeps of it.
func stored(text string) int {
	//workflowcheck:ignore a string's encoding is always the same
	encoded, _ := json.Marshal(text)
	return len(encoded)
}

// rest waits for so long at most, or until woken, which it reports; the timer
// carries what it is for.
func rest(ctx workflow.Context, atMost time.Duration, what string, woken func() bool) bool {
	options := workflow.AwaitOptions{Timeout: atMost, TimerOptions: workflow.TimerOptions{Summary: oneLine(what)}}
	ok, _ := workflow.AwaitWithOptions(ctx, options, woken)
	return ok
}

// pause waits for so long.
func pause(ctx workflow.Context, long time.Duration, what string) error {
	return workflow.NewTimerWithOptions(ctx, long, workflow.TimerOptions{Summary: oneLine(what)}).Get(ctx, nil)
}

// signals opens a channel of signals; what says to people what sending one does.
func signals(ctx workflow.Context, name, what string) workflow.ReceiveChannel {
	return workflow.GetSignalChannelWithOptions(ctx, name, workflow.SignalChannelOptions{Description: what})
}

// wakes describes a signal that changes nothing by itself.
const wakes = `Look at the database again, now. It decides nothing and carries nothing; any payload does, e.g. {"why":"I asked"}`
