package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
)

// assign sets on a record that is written what it is given of other nouns: all of it anew.
func (k *kind[T]) assign(ctx context.Context, q *dbsqlc.Queries, v T) error {
	id := k.meta(&v).ID
	if k.communities != nil {
		if err := q.CommunitiesSet(ctx, dbsqlc.CommunitiesSetParams{Object: k.object, ObjectID: id, Communities: listOf(k.communities(&v))}); err != nil {
			return err
		}
	}
	if k.tags != nil {
		if err := q.TagsSet(ctx, dbsqlc.TagsSetParams{Object: k.object, ObjectID: id, Tags: listOf(k.tags(&v))}); err != nil {
			return err
		}
	}
	if k.contexts != nil {
		if err := setContexts(ctx, q, k.object, id, k.contexts(&v)); err != nil {
			return err
		}
	}
	if k.contacts != nil {
		return setContacts(ctx, q, k.object, id, k.contacts(&v))
	}
	return nil
}
