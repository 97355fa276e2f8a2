package peering

import "slices"

// Nearest is the word that was probably meant, and whether it is near enough to
// be suggested. Of no words none is, and nothing is near a very long one.
func Nearest(word string, words []string) (best string, near bool) {
	if len(words) == 0 || len(word) > 100 {
		return "", false
	}
	best = slices.MinFunc(words, func(a, b string) int { return distance(a, word) - distance(b, word) })
	return best, distance(best, word) <= max(2, len(word)/3)
}

// distance counts the letters to insert, delete or replace between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			step := diagonal
			if a[i] != b[j] {
				step++
			}
			diagonal = row[j+1]
			row[j+1] = min(step, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
