package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// question is what the emulator asks before it does what it is called for: may a caller with these policies do all of this.
type question struct {
	Policies []string      `json:"policies"`
	Boundary string        `json:"boundary"`
	Needs    []iam.Request `json:"needs"`
}

// denied is what of all that is needed is not allowed; empty if all is.
func (q question) denied() (string, error) {
	var who iam.Identity

	for _, text := range q.Policies {
		document, err := iam.Parse(text)
		if err != nil {
			return "", fmt.Errorf("read the caller's policies: %w", err)
		}

		who.Policies = append(who.Policies, document)
	}

	if q.Boundary != "" {
		boundary, err := iam.Parse(q.Boundary)
		if err != nil {
			return "", fmt.Errorf("read the caller's permissions boundary: %w", err)
		}

		who.Boundary = &boundary
	}

	for _, need := range q.Needs {
		may, err := who.May(need)
		if err != nil {
			return "", fmt.Errorf("decide on %s: %w", need.Action, err)
		}

		if !may {
			return fmt.Sprintf("%s on resource: %s, with %v", need.Action, need.Resource, need.Context), nil
		}
	}

	return "", nil
}

// startAuthorizer answers the emulator's questions until it is shut down: with 204, or with 403 and the reason.
func startAuthorizer(ctx context.Context) (*http.Server, string, error) {
	var config net.ListenConfig

	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("listen for the emulator's questions: %w", err)
	}

	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(answer)}

	go func() { _ = server.Serve(listener) }() // it ends with an error of its own, when it is closed

	return server, "http://" + listener.Addr().String(), nil
}

func answer(response http.ResponseWriter, request *http.Request) {
	var asked question

	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)

		return
	}

	switch denied, err := asked.denied(); {
	case err != nil:
		http.Error(response, err.Error(), http.StatusInternalServerError)
	case denied != "":
		http.Error(response, denied, http.StatusForbidden)
	default:
		response.WriteHeader(http.StatusNoContent)
	}
}
