package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

const (
	tokenPrefix = "pf_" // lets scanners of leaked secrets recognise one
	tokenBytes  = 32    // 256 random bits: no need for a slow hash
)

var everyRole = []peering.Role{peering.Viewer, peering.Operator, peering.Approver, peering.Admin, peering.Emergency}

// CreateUser records a person who may log in with tokens.
func (d *DB) CreateUser(ctx context.Context, by peering.Actor, name string, roles []peering.Role) (user peering.User, err error) {
	if err := checkRoles(roles); err != nil {
		return user, err
	}
	err = d.Write(ctx, by, func(tx *Tx) error {
		row, err := tx.q.UserInsert(ctx, dbsqlc.UserInsertParams{Name: name, Roles: roleNames(roles)})
		if err != nil {
			return err
		}
		user = userOf(dbsqlc.UserGetRow(row))
		return tx.Log(ctx, "user", user.ID, "create", nil, user)
	})
	return user, err
}

// User gives one person; kind not_found when there is none.
func (d *DB) User(ctx context.Context, id int64) (peering.User, error) {
	user, err := getUser(ctx, d.q, id)
	return user, translate(err)
}

// Users lists everybody.
func (d *DB) Users(ctx context.Context) ([]peering.User, error) {
	rows, err := d.q.UserList(ctx)
	users := make([]peering.User, len(rows))
	for i, r := range rows {
		users[i] = userOf(dbsqlc.UserGetRow(r))
	}
	return users, translate(err)
}

// UpdateUser sets what a person may do, from the next request on. The version is
// as for Noun.Patch. The last administrator stays one.
func (d *DB) UpdateUser(ctx context.Context, by peering.Actor, id, version int64, roles []peering.Role, active bool) (user peering.User, err error) {
	if err := checkRoles(roles); err != nil {
		return user, err
	}
	err = d.Write(ctx, by, func(tx *Tx) error {
		admins, err := tx.q.UserLockAdmins(ctx)
		if err != nil {
			return err
		}
		before, err := getUser(ctx, tx.q, id)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return changed("user", id, version, before.Version)
		}
		if slices.Equal(admins, []int64{id}) && (!active || !slices.Contains(roles, peering.Admin)) {
			return peering.Errorf(peering.Conflict, "%s is the only administrator who may log in: make another one first", before.Name)
		}
		rows, err := tx.q.UserUpdate(ctx, dbsqlc.UserUpdateParams{ID: id, Version: before.Version, Roles: roleNames(roles), Active: active})
		if err != nil {
			return err
		}
		if rows == 0 {
			return changed("user", id, before.Version, before.Version+1)
		}
		if user, err = getUser(ctx, tx.q, id); err != nil {
			return err
		}
		return tx.Log(ctx, "user", id, "update", before, user)
	})
	return user, err
}

// MintToken makes a login for a person's program. The token is given here once;
// stored is its SHA-256. Roles narrow the person's; no expiry is forever.
func (d *DB) MintToken(ctx context.Context, by peering.Actor, userID int64, name string, roles []peering.Role, expires time.Time) (clear string, token peering.Token, err error) {
	if err := checkRoles(roles); err != nil {
		return "", token, err
	}
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", token, err
	}
	clear = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	err = d.Write(ctx, by, func(tx *Tx) error {
		row, err := tx.q.TokenInsert(ctx, dbsqlc.TokenInsertParams{
			UserID: userID, Name: name, Hash: tokenHash(clear), Roles: roleNames(roles), ExpiresAt: timeOrNull(expires)})
		if err != nil {
			return err
		}
		token = tokenOf(dbsqlc.TokenListRow(row))
		return tx.Log(ctx, "token", token.ID, "create", nil, token)
	})
	if err != nil {
		return "", peering.Token{}, err
	}
	return clear, token, nil
}

// Authenticate tells whose token this is; kind denied when it doesn't count (any
// more). Its text doesn't say why: that is its cause, for the audit, with the
// actor it was made for, who has no role. The look-up is by hash, so that its
// time tells nothing of the tokens that exist.
func (d *DB) Authenticate(ctx context.Context, clear string) (peering.Actor, error) {
	if !strings.HasPrefix(clear, tokenPrefix) {
		return peering.Actor{}, tokenDenied("it doesn't look like one of ours")
	}
	row, err := d.q.TokenUser(ctx, tokenHash(clear))
	if errors.Is(err, pgx.ErrNoRows) {
		return d.refusedToken(ctx, clear)
	}
	if err != nil {
		return peering.Actor{}, translate(err)
	}
	if !row.UsedLately {
		if err := d.q.TokenUsed(ctx, row.ID); err != nil {
			return peering.Actor{}, translate(err)
		}
	}
	return peering.Actor{Kind: peering.ActorUser, UserID: row.UserID, Name: row.Name, Door: peering.DoorAPI,
		Roles: narrowed(rolesOf(row.TokenRoles), rolesOf(row.UserRoles))}, nil
}

func tokenDenied(why string) error {
	return peering.Hide(peering.Denied, "this token is unknown, revoked or expired: mint one with `peerflow token add`", errors.New(why))
}

// refusedToken tells whose the token was.
func (d *DB) refusedToken(ctx context.Context, clear string) (peering.Actor, error) {
	row, err := d.q.TokenRefused(ctx, tokenHash(clear))
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Actor{}, tokenDenied("nobody has it")
	}
	if err != nil {
		return peering.Actor{}, translate(err)
	}
	why := "expired"
	switch {
	case row.Revoked:
		why = "was revoked"
	case row.Gone:
		why = "is of somebody who may not log in any more"
	}
	return peering.Actor{Kind: peering.ActorUser, UserID: row.UserID, Name: row.UserName, Door: peering.DoorAPI}, tokenDenied(fmt.Sprintf("token %d (%s) %s", row.ID, clip(row.Name), why))
}

// narrowed are the token's roles that its user has (still).
func narrowed(token, user []peering.Role) []peering.Role {
	person := peering.Actor{Roles: user}
	return slices.DeleteFunc(slices.Clone(token), func(r peering.Role) bool { return !person.May(r) })
}

// Tokens lists a person's tokens, revoked ones too.
func (d *DB) Tokens(ctx context.Context, userID int64) ([]peering.Token, error) {
	rows, err := d.q.TokenList(ctx, userID)
	tokens := make([]peering.Token, len(rows))
	for i, r := range rows {
		tokens[i] = tokenOf(r)
	}
	return tokens, translate(err)
}

// RevokeToken ends a token for good; doing so twice is fine.
func (d *DB) RevokeToken(ctx context.Context, by peering.Actor, id int64) error {
	return d.Write(ctx, by, func(tx *Tx) error {
		row, err := tx.q.TokenRevoke(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return missing("token", id)
		}
		if err != nil {
			return err
		}
		return tx.Log(ctx, "token", id, "revoke", nil, tokenOf(dbsqlc.TokenListRow(row)))
	})
}

func getUser(ctx context.Context, q *dbsqlc.Queries, id int64) (peering.User, error) {
	row, err := q.UserGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.User{}, missing("user", id)
	}
	return userOf(row), err
}

func userOf(r dbsqlc.UserGetRow) peering.User {
	return peering.User{ID: r.ID, Version: r.Version, Name: r.Name, Roles: rolesOf(r.Roles), Active: r.Active, CreatedAt: r.CreatedAt.UTC()}
}

func tokenOf(r dbsqlc.TokenListRow) peering.Token {
	return peering.Token{ID: r.ID, UserID: r.UserID, Name: r.Name, Roles: rolesOf(r.Roles), CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: timeOrZero(r.ExpiresAt), UsedAt: timeOrZero(r.UsedAt), RevokedAt: timeOrZero(r.RevokedAt)}
}

func tokenHash(clear string) []byte {
	sum := sha256.Sum256([]byte(clear))
	return sum[:]
}

func checkRoles(roles []peering.Role) error {
	if len(roles) == 0 {
		return peering.NewError(peering.Invalid, "give at least one role: viewer, operator, approver, admin or emergency")
	}
	for _, r := range roles {
		if !slices.Contains(everyRole, r) {
			return peering.Errorf(peering.Invalid, "role %q: give viewer, operator, approver, admin or emergency", r)
		}
	}
	return nil
}

func roleNames(roles []peering.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}
