package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"peerflow/workflows"
)

// Namespace is where all of peerflow's workflows live.
const Namespace = "default"

// ensureNamespace registers the namespace and its search attributes where they are missing, and returns when every
// service of the server knows them.
func ensureNamespace(ctx context.Context, c client.Client, retention time.Duration) error {
	api := c.WorkflowService()
	_, err := api.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
	if unknownNamespace(err) {
		_, err = api.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention)})
	}
	if err != nil {
		return fmt.Errorf("namespace %s: %w", Namespace, err)
	}
	added, err := ensureSearchAttributes(ctx, c.OperatorService())
	if err != nil || !added {
		return err
	}
	return awaitSearchAttributes(ctx, c)
}

// ensureSearchAttributes adds those that are missing, and reports whether there were any.
func ensureSearchAttributes(ctx context.Context, api operatorservice.OperatorServiceClient) (bool, error) {
	added, err := workflows.EnsureSearchAttributes(ctx, api, Namespace)
	for unknownNamespace(err) && pause(ctx, eagerRefresh/5) == nil { // the frontend remembers for a moment that it had none
		added, err = workflows.EnsureSearchAttributes(ctx, api, Namespace)
	}
	return added, err
}

// awaitSearchAttributes first waits until the frontend's copy of the namespace has them. The other services read it as
// often, at other instants, hence two more intervals.
func awaitSearchAttributes(ctx context.Context, c client.Client) error {
	for {
		err := workflows.SearchAttributesKnown(ctx, c, Namespace)
		if err == nil {
			return pause(ctx, 2*eagerRefresh)
		}
		if pause(ctx, eagerRefresh/5) != nil {
			return fmt.Errorf("wait for search attributes: %w", err)
		}
	}
}

func unknownNamespace(err error) bool {
	var missing *serviceerror.NamespaceNotFound
	return errors.As(err, &missing)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
