package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY" // PKCS #8
)

// PEM writes certificates one after the other.
func PEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw}))
	}
	return b.Bytes()
}

// ParseCertificates reads every certificate of a PEM text. Blocks of other kinds are
// passed over; a text without a certificate is an error.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != certificateBlock {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("pki: certificate %d of the pem text: %w", len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("pki: no certificate in the pem text; expected a CERTIFICATE block")
	}
	return certs, nil
}

// MarshalKey writes a private key as PKCS #8 PEM.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("pki: private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// ParseKey reads a private key from PEM: PKCS #8, or the older forms of openssl. Errors
// never quote the text.
func ParseKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("pki: no private key in the pem text; expected a PRIVATE KEY block")
		}
		var key any
		var err error
		switch block.Type {
		case keyBlock:
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			continue // certificates, EC PARAMETERS
		}
		if err != nil {
			return nil, fmt.Errorf("pki: the %s block does not parse; is it encrypted or cut off?", block.Type)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("pki: a %T cannot sign", key)
		}
		return signer, nil
	}
}

// Save writes the authority as PEM: its certificate with the issuers upward but without
// the root, and its key.
func (a *Authority) Save() (certificates, key []byte, err error) {
	key, err = MarshalKey(a.Key)
	if err != nil {
		return nil, nil, err
	}
	if len(a.Chain) == 0 {
		return PEM(a.Certificate), key, nil
	}
	return PEM(a.Chain...), key, nil
}

// Load reads what Save wrote. A key that does not belong to the certificate is an error,
// as is a certificate that may not sign others.
func Load(certificates, key []byte) (*Authority, error) {
	certs, err := ParseCertificates(certificates)
	if err != nil {
		return nil, err
	}
	signer, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	own := certs[0]
	if !own.IsCA {
		return nil, fmt.Errorf("pki: %q is not a certificate authority", own.Subject)
	}
	public, ok := own.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(signer.Public()) {
		return nil, fmt.Errorf("pki: the key does not belong to %q", own.Subject)
	}
	a := &Authority{Certificate: own, Key: signer}
	if !bytes.Equal(own.RawSubject, own.RawIssuer) {
		a.Chain = certs
	}
	return a, nil
}
