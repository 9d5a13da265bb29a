package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// healthcheckTimeout is shorter than that of the image's HEALTHCHECK, so that the reason is printed.
const healthcheckTimeout = 2 * time.Second

// healthcheck checks that each URL answers 200; without URLs, that the server on this host is ready for traffic.
func healthcheck(ctx context.Context, port uint16, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()

	if len(urls) == 0 {
		urls = []string{"http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))) + "/readyz"}
	}

	for _, url := range urls {
		if err := answers(ctx, url); err != nil {
			return err
		}
	}

	return nil
}

// answers returns an error unless a URL answers 200.
func answers(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody) //nolint:gosec // the caller of the program chooses the URL
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}

	response, err := http.DefaultClient.Do(request) //nolint:gosec // see above
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}

	if err = response.Body.Close(); err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}

	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s answers %s", address, response.Status)
	}

	return nil
}
