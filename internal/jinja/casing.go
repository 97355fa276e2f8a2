package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Python follows the full case mappings of Unicode, in which one letter may become several; Go's packages follow the
// simple ones. The letters that matter are listed here.
var (
	upperSpecial = strings.NewReplacer("ß", "SS", "ŉ", "ʼN", "ǰ", "J̌", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST")
	foldSpecial  = strings.NewReplacer("ß", "ss", "ẞ", "ss", "ς", "σ", "ſ", "s", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")
	lowerSpecial = strings.NewReplacer("İ", "i̇")
)

func upperText(text string) string {
	if !isASCII(text) {
		text = upperSpecial.Replace(text)
	}
	return strings.ToUpper(text)
}

func lowerText(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	lower := []rune(strings.ToLower(lowerSpecial.Replace(text)))
	for i, r := range lower {
		if r == 'σ' && i > 0 && unicode.IsLetter(lower[i-1]) && (i+1 == len(lower) || !unicode.IsLetter(lower[i+1])) && isFinalSigma(text, i) {
			lower[i] = 'ς'
		}
	}
	return string(lower)
}

// isFinalSigma: only a capital sigma at the end of a word changes its shape.
func isFinalSigma(text string, i int) bool {
	runes := []rune(text)
	return i < len(runes) && runes[i] == 'Σ'
}

func caseFold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return foldSpecial.Replace(strings.ToLower(foldSpecial.Replace(text)))
}

func titleFirst(r rune) string {
	switch r {
	case 'ß':
		return "Ss"
	case 'ŉ':
		return "ʼN"
	}
	return string(unicode.ToTitle(r))
}

func capitalizeText(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return titleFirst(first) + lowerText(text[size:])
}

func isCased(r rune) bool { return isUpperRune(r) || isLowerRune(r) || unicode.IsTitle(r) }

func isUpperRune(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }
func isLowerRune(r rune) bool { return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r) }

// titleText is str.title(): a letter after anything but a letter is capital.
func titleText(text string) string {
	var b strings.Builder
	after := false
	for _, r := range text {
		if after {
			b.WriteString(lowerText(string(r)))
		} else {
			b.WriteString(titleFirst(r))
		}
		after = isCased(r)
	}
	return b.String()
}

func swapCase(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsUpper(r) {
			b.WriteString(lowerText(string(r)))
		} else {
			b.WriteString(upperText(string(r)))
		}
	}
	return b.String()
}

func isUpper(text string) bool { return hasOnly(text, isUpperRune) }
func isLower(text string) bool { return hasOnly(text, isLowerRune) }

// hasOnly wants at least one cased letter, and every one of the given case.
func hasOnly(text string, test func(rune) bool) bool {
	found := false
	for _, r := range text {
		if isCased(r) {
			if !test(r) {
				return false
			}
			found = true
		}
	}
	return found
}

func isTitle(text string) bool {
	after, found := false, false
	for _, r := range text {
		switch {
		case unicode.IsUpper(r) || unicode.IsTitle(r):
			if after {
				return false
			}
			after, found = true, true
		case unicode.IsLower(r):
			if !after {
				return false
			}
			found = true
		default:
			after = false
		}
	}
	return found
}

// isDigit is str.isdigit for one character: decimals, and digits such as superscripts.
func isDigit(r rune) bool {
	return isDecimalRune(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", r) || 0x2460 <= r && r <= 0x2468
}

func isDecimalRune(r rune) bool { return unicode.Is(unicode.Nd, r) }

// decimalDigit is the value of a decimal digit of any script; their blocks run from 0 to 9.
func decimalDigit(r rune) (int, bool) {
	if r < 0x80 {
		return int(r - '0'), '0' <= r && r <= '9'
	}
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	zero := r
	for zero > r-9 && unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return int(r-zero) % 10, true
}
