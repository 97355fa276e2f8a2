package temporalserver

import (
	"context"
	"crypto/tls"
	"errors"
	"reflect"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"peerflow/internal/temporalauth"
)

func TestEveryCallAsksForTheSecret(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	target := &commonpb.WorkflowExecution{WorkflowId: "change/1"}
	calls := map[string]func(context.Context, workflowservice.WorkflowServiceClient) error{
		"start": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: Namespace, WorkflowId: "change/1",
				WorkflowType: &commonpb.WorkflowType{Name: "Await"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, RequestId: "1"})
			return err
		},
		"signal": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: target, SignalName: "s"})
			return err
		},
		"update": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.UpdateWorkflowExecution(ctx, &workflowservice.UpdateWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: target})
			return err
		},
		"reset": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: target, WorkflowTaskFinishEventId: 3})
			return err
		},
		"poll": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: Namespace,
				TaskQueue: &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}})
			return err
		},
		"list": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: Namespace})
			return err
		},
		"system namespace": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: "temporal-system"})
			return err
		},
		"system info": func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, secret := range map[string]string{"no secret": "", "a wrong secret": "f" + testSecret[1:]} {
				ctx := limit(t)
				var denied *serviceerror.PermissionDenied
				if err := call(ctx, rawClient(t, s, secret)); !errors.As(serviceerror.FromStatus(status.Convert(err)), &denied) {
					t.Errorf("%s: %v, want permission denied", kind, err)
				}
			}
		})
	}
}

// rawClient has no SDK around it, as a stranger's would.
func rawClient(t *testing.T, s *stack, secret string) workflowservice.WorkflowServiceClient {
	t.Helper()
	return workflowservice.NewWorkflowServiceClient(rawConn(t, s.temporal.HostPort(), secret, insecure.NewCredentials()))
}

func rawConn(t *testing.T, hostPort, secret string, transport credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(hostPort, grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(perCall{secret}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

type perCall struct{ secret string }

func (p perCall) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	return temporalauth.Headers(p.secret).GetHeaders(ctx)
}
func (perCall) RequireTransportSecurity() bool { return false }

func TestARefusedCallIsToldWithMethodAndCaller(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	const method = workflowservice.WorkflowService_GetClusterInfo_FullMethodName
	call := func(secret string) error {
		_, err := rawClient(t, s, secret).GetClusterInfo(limit(t), &workflowservice.GetClusterInfoRequest{})
		return err
	}
	if err := call(testSecret); err != nil || s.told(method+" from 127.0.0.1") != 0 {
		t.Errorf("with the secret: %v, told %d times", err, s.told(method+" from 127.0.0.1"))
	}
	if err := call("f" + testSecret[1:]); err == nil || s.told(method+" from 127.0.0.1") != 1 {
		t.Errorf("without: %v, told %d times", err, s.told(method+" from 127.0.0.1"))
	}
}

// Whoever holds the secret may command, and is told of with what it is on; this process's own clients aren't.
func TestACommandIsToldUnlessItIsOurOwn(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	const id, host = "change/4711", "127.0.0.1"
	run, task := &commonpb.WorkflowExecution{WorkflowId: id}, &taskqueuepb.TaskQueue{Name: "queue of 4711", Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
	all := func(secret string) {
		c, ctx := rawClient(t, s, secret), limit(t)
		for _, call := range []func() error{
			func() error {
				_, err := c.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: Namespace, WorkflowId: id, RequestId: secret,
					WorkflowType: &commonpb.WorkflowType{Name: "Await"}, TaskQueue: task, WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING})
				return err
			},
			func() error {
				_, err := c.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: run, SignalName: "look_again"})
				return err
			},
			func() error { // and Temporal's own services go on, untold
				_, err := c.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: Namespace, TaskQueue: task})
				return err
			},
			func() error {
				_, err := c.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: Namespace, Execution: run})
				return err
			},
			func() error {
				_, err := c.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: run, WorkflowTaskFinishEventId: 3, RequestId: secret})
				return err
			},
			func() error {
				_, err := c.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: run})
				return err
			},
		} {
			var denied *serviceerror.PermissionDenied
			if err := call(); errors.As(serviceerror.FromStatus(status.Convert(err)), &denied) {
				t.Error(err)
			}
		}
	}
	all(ownSecret)
	if told := s.commands("4711"); len(told) != 0 {
		t.Errorf("of our own was told: %+v", told)
	}
	all(testSecret)
	ids := []string{id}
	want := []Command{{"StartWorkflowExecution", "Await " + id, ids, "", host}, {"SignalWorkflowExecution", id + " look_again", ids, "", host},
		{"PollWorkflowTaskQueue", task.GetName(), nil, "", host}, {"ResetWorkflowExecution", id, ids, "", host}, {"TerminateWorkflowExecution", id, ids, "", host}}
	if told := s.commands("4711"); !reflect.DeepEqual(told, want) {
		t.Errorf("told: %+v\nwant: %+v", told, want)
	}
}

func TestHealthIsOpenAndReflectionIsNot(t *testing.T) {
	t.Parallel()
	conn := rawConn(t, sharedStack(t).temporal.HostPort(), "", insecure.NewCredentials())
	answer, err := healthpb.NewHealthClient(conn).Check(limit(t), &healthpb.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"})
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", answer, err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(limit(t))
	if err == nil {
		_, err = stream.Recv()
	}
	if want := authorization.RequestUnauthorized; status.Convert(err).Message() != want { // Temporal gives streams no code of their own
		t.Errorf("reflection: %v, want %q", err, want)
	}
}

func TestPortsBetweenTemporalsServicesRefuseStrangers(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	other, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	for name, port := range s.temporal.ports {
		if address(port) == s.temporal.HostPort() {
			continue
		}
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			for kind, transport := range map[string]credentials.TransportCredentials{
				"plain":                   insecure.NewCredentials(),
				"TLS without certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
				"TLS with another's":      credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{other}}),
			} {
				conn := rawConn(t, address(port), testSecret, transport)
				_, err := healthpb.NewHealthClient(conn).Check(limit(t), &healthpb.HealthCheckRequest{})
				if status.Code(err) != codes.Unavailable {
					t.Errorf("%s: %v, want no connection", kind, err)
				}
			}
		})
	}
}
