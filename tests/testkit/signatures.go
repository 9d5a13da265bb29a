package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Signatures stands in for what a registry out of reach holds beside its images: each has a signature and a provenance of the
// repository acme/clockmirror, branch master, and the pipeline. It returns the variables with which verify-image asks there, though
// it is told the host, and believes the key. The host is asked by HTTPS, unless it is on this machine.
func Signatures(tb testing.TB, host, pipeline string) []string {
	tb.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)

	server := httptest.NewUnstartedServer(signatures(key, pipeline))
	settings := ""

	if local := strings.HasPrefix(host, "127.0.0.1:"); local {
		server.Start()
	} else {
		server.StartTLS()

		settings, host = "insecure\n", host+":443"
	}

	tb.Cleanup(server.Close)

	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(tb, err)

	folder := tb.TempDir()
	file := filepath.Join(folder, "key.pem")
	settings += fmt.Sprintf("connect-to = %q\n", host+":"+server.Listener.Addr().String())

	require.NoError(tb, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
	require.NoError(tb, os.WriteFile(filepath.Join(folder, ".curlrc"), []byte(settings), 0o600))

	return []string{"CURL_HOME=" + folder, "SIGNER=" + file, "PIPELINE=" + pipeline, "SOURCE_REPOSITORY=acme/clockmirror", "SOURCE_BRANCH=master"}
}

// signatures answers as a registry does of any image. A referrer's digest is its predicate type and the image's digest here.
func signatures(key *ecdsa.PrivateKey, pipeline string) http.Handler {
	predicates := map[string]string{
		"sign": `"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}`,
		"slsa": `"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"externalParameters":{"source":` +
			`{"repository":"acme/clockmirror","branch":"master","commit":"0"}}},"runDetails":{"builder":{"id":"arn:aws:codepipeline:eu-west-1:123456789012:` +
			pipeline + `"},"metadata":{"invocationId":"1"}}}`,
	}
	mux := http.NewServeMux()

	mux.HandleFunc("GET /v2/{name}/referrers/{digest}", func(w http.ResponseWriter, r *http.Request) {
		const referrer = `{"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":%q}`

		digest := strings.TrimPrefix(r.PathValue("digest"), "sha256:")
		fmt.Fprintf(w, `{"manifests":[`+referrer+","+referrer+`]}`, "sign-"+digest, "slsa-"+digest)
	})
	mux.HandleFunc("GET /v2/{name}/manifests/{digest}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"layers":[{"digest":%q}]}`, r.PathValue("digest"))
	})
	mux.HandleFunc("GET /v2/{name}/blobs/{digest}", func(w http.ResponseWriter, r *http.Request) {
		const kind = "application/vnd.in-toto+json"

		predicate, digest, _ := strings.Cut(r.PathValue("digest"), "-")
		statement := fmt.Sprintf(`{"subject":[{"digest":{"sha256":%q}}],%s}`, digest, predicates[predicate])
		sum := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(statement), statement))

		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)

			return
		}

		fmt.Fprintf(w, `{"dsseEnvelope":{"payloadType":%q,"payload":%q,"signatures":[{"sig":%q}]}}`,
			kind, base64.StdEncoding.EncodeToString([]byte(statement)), base64.StdEncoding.EncodeToString(signature))
	})

	return mux
}
