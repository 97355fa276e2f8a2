package cmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"peerflow/internal/temporalauth"
	"peerflow/workflows"
)

// TemporalTLS is how the way to Temporal is protected. The zero value is plain
// TCP, for loopback and closed networks.
type TemporalTLS struct {
	On         bool   // PEERFLOW_TEMPORAL_TLS=true; any of the others turns it on too
	CAFile     string // PEERFLOW_TEMPORAL_CA: who signs the server's certificate; "" is the system's list
	CertFile   string // PEERFLOW_TEMPORAL_CERT and …
	KeyFile    string // … PEERFLOW_TEMPORAL_KEY: our own certificate, for a server that asks for one
	ServerName string // PEERFLOW_TEMPORAL_SERVER_NAME: in the server's certificate, when it isn't the address's
}

func (t TemporalTLS) on() bool {
	return t.On || t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" || t.ServerName != ""
}

// config reads the files; nil is plain TCP.
func (t TemporalTLS) config() (*tls.Config, error) {
	if !t.on() {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("PEERFLOW_TEMPORAL_CA: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("PEERFLOW_TEMPORAL_CA: %s holds no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile == "" && t.KeyFile == "" {
		return c, nil
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return nil, errors.New("PEERFLOW_TEMPORAL_CERT and PEERFLOW_TEMPORAL_KEY go together: give both")
	}
	own, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("PEERFLOW_TEMPORAL_CERT and PEERFLOW_TEMPORAL_KEY: %w", err)
	}
	c.Certificates = []tls.Certificate{own}
	return c, nil
}

func (c Config) namespace() string { return orDefault(c.Namespace, client.DefaultNamespace) }

// temporalOptions is how to reach Temporal.
func (c Config) temporalOptions(log *slog.Logger) (client.Options, error) {
	options := client.Options{HostPort: c.TemporalAddress, Namespace: c.namespace(), Logger: sdklog.NewStructuredLogger(log)}
	protection, err := c.TemporalTLS.config()
	if err != nil {
		return options, err
	}
	options.ConnectionOptions.TLS = protection
	if c.TemporalKeyFile == "" {
		options.HeadersProvider = temporalauth.Headers(c.TemporalSecret)
		return options, nil
	}
	if c.TemporalSecret != "" {
		return options, errors.New("PEERFLOW_TEMPORAL_API_KEY_FILE and PEERFLOW_TEMPORAL_SECRET exclude each other: give one")
	}
	if protection == nil {
		return options, errors.New("PEERFLOW_TEMPORAL_API_KEY_FILE would cross the network in clear: set PEERFLOW_TEMPORAL_TLS=true")
	}
	options.Credentials = client.NewAPIKeyDynamicCredentials(func(context.Context) (string, error) { return readKey(c.TemporalKeyFile) })
	_, err = readKey(c.TemporalKeyFile)
	return options, err
}

// readKey is asked for each call, so that a key may be replaced while we run.
func readKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("PEERFLOW_TEMPORAL_API_KEY_FILE: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("PEERFLOW_TEMPORAL_API_KEY_FILE: %s is empty", path)
	}
	return key, nil
}

// temporalPatience is how long a process waits for Temporal when it starts.
const temporalPatience = 15 * time.Second

// dialTemporal connects, and proves that Temporal answers.
func dialTemporal(ctx context.Context, c Config, log *slog.Logger) (client.Client, error) {
	options, err := c.temporalOptions(log)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, temporalPatience)
	defer cancel()
	connected, err := client.DialContext(limited, options)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, ended{exitUnavailable, fmt.Errorf("no Temporal answers at %s: is it running, and is PEERFLOW_TEMPORAL_ADDRESS right?", c.TemporalAddress)}
	case err != nil:
		return nil, ended{exitUnavailable, fmt.Errorf("connect to Temporal at %s: %w: is it running, is PEERFLOW_TEMPORAL_ADDRESS right, and do the other PEERFLOW_TEMPORAL_… fit it?", c.TemporalAddress, err)}
	}
	return connected, nil
}

// PrepareTemporal registers the search attributes in Temporal's namespace, which
// must exist, and waits until workflows may carry them.
func PrepareTemporal(ctx context.Context, c Config, log *slog.Logger) error {
	connected, err := dialTemporal(ctx, c, log)
	if err != nil {
		return err
	}
	defer connected.Close()
	if err := namespaceThere(ctx, connected, c); err != nil {
		return err
	}
	added, err := workflows.EnsureSearchAttributes(ctx, connected.OperatorService(), c.namespace())
	if err == nil && added {
		return awaitSearchAttributes(ctx, connected, c.namespace())
	}
	var denied *serviceerror.PermissionDenied
	var missing *serviceerror.Unimplemented
	if errors.As(err, &denied) || errors.As(err, &missing) {
		return fmt.Errorf("this login may not register search attributes in namespace %s: let somebody who may add %s (%w)",
			c.namespace(), strings.Join(slices.Sorted(maps.Keys(workflows.SearchAttributes())), ", "), err)
	}
	return err
}

// namespaceThere refuses a namespace that nobody made.
func namespaceThere(ctx context.Context, connected client.Client, c Config) error {
	_, err := connected.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.namespace()})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return ended{exitUnavailable, fmt.Errorf("there is no namespace %[2]s at Temporal %[1]s: make it (temporal operator namespace create -n %[2]s), or name another with PEERFLOW_TEMPORAL_NAMESPACE",
			c.TemporalAddress, c.namespace())}
	}
	if err != nil {
		return fmt.Errorf("look at namespace %s of Temporal at %s: %w", c.namespace(), c.TemporalAddress, err)
	}
	return nil
}

// TemporalSurvey is what an operator asks of a Temporal before peerflow runs on it.
type TemporalSurvey struct {
	Server    string // its version
	Namespace string
	Lacks     bool // search attributes of workflows, which PrepareTemporal registers
}

// SurveyTemporal looks at the Temporal that c names, and changes nothing. One that
// doesn't answer, lets us not in or has no such namespace is an error.
func SurveyTemporal(ctx context.Context, c Config) (s TemporalSurvey, err error) {
	connected, err := dialTemporal(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return s, err
	}
	defer connected.Close()
	if err := namespaceThere(ctx, connected, c); err != nil {
		return s, err
	}
	info, err := connected.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return s, err
	}
	s = TemporalSurvey{Server: info.GetServerVersion(), Namespace: c.namespace()}
	err = workflows.SearchAttributesKnown(ctx, connected, c.namespace())
	var unknown *serviceerror.InvalidArgument
	if s.Lacks = errors.As(err, &unknown); s.Lacks {
		err = nil
	}
	return s, err
}

// attributesPatience is how long Temporal's copies of a namespace may be old: it
// reads them again every few seconds.
const attributesPatience = time.Minute

func awaitSearchAttributes(ctx context.Context, connected client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, attributesPatience)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := workflows.SearchAttributesKnown(ctx, connected, namespace)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the search attributes are registered, and Temporal doesn't know them yet: run it again: %w", err)
		case <-tick.C:
		}
	}
}
