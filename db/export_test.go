package db

import "context"

// Explained names the constraints that have a text of their own.
func Explained() (names []string) {
	for name := range refusals {
		names = append(names, name)
	}
	return names
}

// Refusal is the text of one constraint.
func Refusal(name string) string { return refusals[name].text }

// Exec lets tests run into constraints that the domain's own checks keep others away from.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) error {
	_, err := tx.pgx.Exec(ctx, sql, args...)
	return err
}
