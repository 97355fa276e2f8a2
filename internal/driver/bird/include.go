package bird

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// includeStatement is BIRD's own rule: an include counts at the start of a line only.
var includeStatement = regexp.MustCompile(`^[ \t\r]*include[ \t\r]*"([^"\n]*)"[ \t\r]*;`)

// include is one include statement of a main file.
type include struct {
	start, end int    // offsets in the text
	file       string // absolute, with wildcards as written
}

// includes lists a file's include statements. Paths are relative to the folder
// of the including file.
func includes(text, folder string) []include {
	var found []include
	for _, line := range codeLines(text) {
		m := includeStatement.FindStringSubmatchIndex(text[line:])
		if m == nil {
			continue
		}
		file := text[line+m[2] : line+m[3]]
		if !path.IsAbs(file) {
			file = path.Join(folder, file)
		}
		found = append(found, include{line + m[0], line + m[1], file})
	}
	return found
}

// codeLines gives the offsets of the lines that start outside /* comments */.
func codeLines(text string) []int {
	starts, inside := []int{0}, false
	for i := 0; i < len(text); i++ {
		switch {
		case inside && strings.HasPrefix(text[i:], "*/"):
			inside = false
			i++
		case text[i] == '\n' && !inside:
			starts = append(starts, i+1)
		case inside:
		case strings.HasPrefix(text[i:], "/*"):
			inside = true
			i++
		case text[i] == '#' || text[i] == '"':
			i = skipTo(text, i)
		}
	}
	return starts
}

// skipTo gives the last offset of a comment or string that starts at i, before the line's end.
func skipTo(text string, i int) int {
	end := i + 1
	for end < len(text) && text[end] != '\n' && (text[i] == '#' || text[end] != '"') {
		end++
	}
	if end < len(text) && text[end] == '\n' {
		return end - 1
	}
	return end
}

// trialMain is the main file with the candidate in the place of the owned file.
// It lies in our folder, so that relative includes become absolute. The constant
// at its end says whose trial is loaded, and keeps the line numbers as they are.
func trialMain(main string, s Settings, name string) (string, error) {
	found := includes(main, path.Dir(s.Main))
	if err := checkIncludes(found, s); err != nil {
		return "", err
	}
	var b strings.Builder
	last := 0
	for _, inc := range found {
		file := inc.file
		if file == s.Owned {
			file = s.candidate(name)
		}
		b.WriteString(main[last:inc.start])
		fmt.Fprintf(&b, "include \"%s\";", file)
		last = inc.end
	}
	b.WriteString(main[last:])
	fmt.Fprintf(&b, "\ndefine %s = \"%s\";\n", deploymentConstant, name)
	return b.String(), nil
}

// checkIncludes wants the owned file once, by name: a wildcard would load every candidate too.
func checkIncludes(found []include, s Settings) error {
	owned := 0
	for _, inc := range found {
		if inc.file == s.Owned {
			owned++
			continue
		}
		if ok, err := path.Match(inc.file, s.candidate("1")); err != nil || ok {
			return peering.Errorf(peering.Invalid, "the router's main configuration includes %q, which also takes in candidates: include %q by name", inc.file, s.Owned)
		}
	}
	switch owned {
	case 0:
		return fmt.Errorf("%w: add the line %s to %s", driver.ErrNoInclude, s.includeLine(), s.Main)
	case 1:
		return nil
	}
	return peering.Errorf(peering.Invalid, "the router's main configuration includes %q %d times: once is right", s.Owned, owned)
}
