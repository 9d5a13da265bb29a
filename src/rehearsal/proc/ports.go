package proc

import (
	"context"
	"fmt"
	"net"
)

// Free returns TCP ports of 127.0.0.1 that were free a moment ago, all different.
func Free(ctx context.Context, count int) ([]int, error) {
	found := make([]int, 0, count)

	for range count {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen on 127.0.0.1: %w", err)
		}

		defer func() { _ = listener.Close() }()

		if address, ok := listener.Addr().(*net.TCPAddr); ok {
			found = append(found, address.Port)
		}
	}

	return found, nil
}
