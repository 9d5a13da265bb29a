package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// lifetime is how long certificates are valid: longer than any rehearsal.
const lifetime = 24 * time.Hour

// Authority is a throw-away certificate authority: what ACM is to an ALB.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes an authority that nothing but a rehearsal trusts.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clockmirror rehearsal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}

	signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the authority's certificate: %w", err)
	}

	certificate, err := x509.ParseCertificate(signed)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}

	return &Authority{certificate: certificate, key: key}, nil
}

// PEM is the authority's certificate, for those who shall trust it.
func (a *Authority) PEM() string { return encode("CERTIFICATE", a.certificate.Raw) }

// Issue returns a certificate for a name and its key, in PEM.
func (a *Authority) Issue(name string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make the key of %s: %w", name, err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}

	signed, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return "", fmt.Errorf("sign the certificate of %s: %w", name, err)
	}

	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("write the key of %s: %w", name, err)
	}

	return encode("CERTIFICATE", signed) + encode("EC PRIVATE KEY", private), nil
}

func encode(kind string, data []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
}
