package workflows

import (
	"context"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// SearchAttributes are what an operator filters workflows by; the namespace has
// to know them before the first workflow starts. SQL visibility has 10 keyword,
// 3 keyword list and 3 integer columns per namespace.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		attrChange.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attrState.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attrTurn.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		attrRouter.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		attrSite.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		attrASN.GetName():    enumspb.INDEXED_VALUE_TYPE_INT,
	}
}

// EnsureSearchAttributes registers those that a namespace lacks, and reports
// whether there were any.
func EnsureSearchAttributes(ctx context.Context, api operatorservice.OperatorServiceClient, namespace string) (added bool, err error) {
	have, err := api.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return false, fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, want := range SearchAttributes() {
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
	_, err = api.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return false, fmt.Errorf("add search attributes: %w", err)
	}
	return true, nil
}

// SearchAttributesKnown asks for every attribute at once. A server that was just
// told of one answers with an error until its copy of the namespace is fresh, and
// refuses to start workflows that carry it.
func SearchAttributesKnown(ctx context.Context, c client.Client, namespace string) error {
	var terms []string
	for name, kind := range SearchAttributes() {
		value := "'x'"
		if kind == enumspb.INDEXED_VALUE_TYPE_INT {
			value = "1"
		}
		terms = append(terms, name+" = "+value)
	}
	_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: strings.Join(terms, " AND ")})
	return err
}
