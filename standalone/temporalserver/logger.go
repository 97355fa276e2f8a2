package temporalserver

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// loudLogger says on standard error what Temporal ends the process for: its own line goes to the log file only.
type loudLogger struct{ log.Logger }

// newLogger writes warnings and worse as JSON lines to file, or to standard error for "".
func newLogger(file string) (log.Logger, error) {
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	zap := log.BuildZapLogger(log.Config{Level: "warn", Format: "json", OutputFile: file})
	return loudLogger{log.NewZapLogger(zap)}, nil
}

// With keeps Fatal loud in the loggers that Temporal derives.
func (l loudLogger) With(tags ...tag.Tag) log.Logger {
	return loudLogger{log.With(l.Logger, tags...)}
}

func (l loudLogger) Fatal(msg string, tags ...tag.Tag) {
	fmt.Fprint(os.Stderr, "temporal: ", msg)
	for _, t := range tags {
		fmt.Fprintf(os.Stderr, " %s=%v", t.Key(), t.Value())
	}
	fmt.Fprintln(os.Stderr)
	l.Logger.Fatal(msg, tags...)
}
