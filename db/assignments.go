package db

import (
	"context"
	"reflect"

	"peerflow/db/internal/dbsqlc"
)

// assign sets on a record that is written what it is given of other nouns: a list anew where it moved.
func (k *kind[T]) assign(ctx context.Context, q *dbsqlc.Queries, v, before *T) error {
	id := k.meta(v).ID
	if moved(k.communities, v, before) {
		if err := q.CommunitiesSet(ctx, dbsqlc.CommunitiesSetParams{Object: k.object, ObjectID: id, Communities: listOf(k.communities(v))}); err != nil {
			return err
		}
	}
	if moved(k.tags, v, before) {
		if err := q.TagsSet(ctx, dbsqlc.TagsSetParams{Object: k.object, ObjectID: id, Tags: listOf(k.tags(v))}); err != nil {
			return err
		}
	}
	if moved(k.contexts, v, before) {
		if err := setContexts(ctx, q, k.object, id, k.contexts(v)); err != nil {
			return err
		}
	}
	if moved(k.contacts, v, before) {
		return setContacts(ctx, q, k.object, id, k.contacts(v))
	}
	return nil
}

// moved reports that a list has to be written; of a new record, one that has entries.
func moved[T, E any](list func(*T) []E, v, before *T) bool {
	switch {
	case list == nil:
		return false
	case before == nil:
		return len(list(v)) > 0
	}
	return !reflect.DeepEqual(listOf(list(v)), listOf(list(before)))
}
