package peering

import "time"

// Token is a login of a person's program. The token itself is shown once, when it is minted.
type Token struct {
	ID        int64     `json:"id"`
	UserID    int64     `json:"user_id"`
	Name      string    `json:"name"`
	Roles     []Role    `json:"roles"` // narrows the user's
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	UsedAt    time.Time `json:"used_at,omitzero"`    // to the minute
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}
