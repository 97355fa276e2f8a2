package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Namespace is where all of peerflow's workflows live.
const Namespace = "default"

// searchAttributes are what an operator filters workflows by. SQL visibility has 10 keyword, 3 keyword list and 3
// integer columns per namespace.
var searchAttributes = map[string]enumspb.IndexedValueType{
	"PeerflowChange": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	"PeerflowState":  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	"PeerflowRouter": enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	"PeerflowAsn":    enumspb.INDEXED_VALUE_TYPE_INT,
}

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
	have, err := api.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: Namespace})
	for unknownNamespace(err) && pause(ctx, eagerRefresh/5) == nil { // the frontend remembers for a moment that it had none
		have, err = api.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: Namespace})
	}
	if err != nil {
		return false, fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, want := range searchAttributes {
		switch got, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = want
		case got != want:
			return false, fmt.Errorf("search attribute %s has type %s, and peerflow needs %s", name, got, want)
		}
	}
	if len(missing) == 0 {
		return false, nil
	}
	_, err = api.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: Namespace, SearchAttributes: missing})
	if err != nil {
		return false, fmt.Errorf("add search attributes: %w", err)
	}
	return true, nil
}

// awaitSearchAttributes first waits until the frontend's copy of the namespace has them. The other services read it as
// often, at other instants, hence two more intervals.
func awaitSearchAttributes(ctx context.Context, c client.Client) error {
	query := "PeerflowChange = 'x' AND PeerflowState = 'x' AND PeerflowRouter = 'x' AND PeerflowAsn = 1"
	for {
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace, Query: query})
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
