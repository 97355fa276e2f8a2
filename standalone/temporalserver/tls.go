package temporalserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"go.temporal.io/server/common/rpc/encryption"
)

// internalName is the name in the certificate of Temporal's services. They are found by address, so it is never resolved.
const internalName = "peerflow-temporal-internal"

// internalTLS guards the ports between Temporal's services: history and matching have no authorizer, and the internal
// frontend lets everyone do everything. Each start makes one key pair, which both sides show and trust, and which never
// leaves memory.
type internalTLS struct{ server, client *tls.Config }

func newInternalTLS() (internalTLS, error) {
	cert, err := selfSigned()
	if err != nil {
		return internalTLS{}, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert.Leaf)
	return internalTLS{
		server: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert},
		client: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: trusted, ServerName: internalName},
	}, nil
}

// selfSigned is valid for long either way: it lives as long as the process, and the clock of a small machine may jump.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	const decade = 10 * 365 * 24 * time.Hour
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: internalName},
		DNSNames:     []string{internalName},
		NotBefore:    time.Now().Add(-5 * decade),
		NotAfter:     time.Now().Add(5 * decade),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

var _ encryption.TLSConfigProvider = internalTLS{}

func (t internalTLS) GetInternodeServerConfig() (*tls.Config, error) { return t.server.Clone(), nil }
func (t internalTLS) GetInternodeClientConfig() (*tls.Config, error) { return t.client.Clone(), nil }

// The frontend is plain: it listens on loopback, and its callers show the secret.
func (internalTLS) GetFrontendServerConfig() (*tls.Config, error) { return nil, nil }
func (internalTLS) GetFrontendClientConfig() (*tls.Config, error) { return nil, nil }

func (internalTLS) GetRemoteClusterClientConfig(string) (*tls.Config, error) { return nil, nil }

func (internalTLS) GetExpiringCerts(time.Duration) (expiring, expired encryption.CertExpirationMap, err error) {
	return nil, nil, nil
}
