package shout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/sony/gobreaker/v2"
)

const (
	// redisTimeout bounds what a slow Redis can add to an answer. It is a hundred times what a healthy one takes.
	redisTimeout = 100 * time.Millisecond
	// redisRest is how long a Redis that failed redisFailures times in a row is left alone.
	redisRest     = time.Second
	redisFailures = 3

	redisConnections = 64
	redisIdle        = time.Minute
)

// errCacheSkipped tells that Redis was left alone. It was counted as an error when it failed.
var errCacheSkipped = errors.New("the cache is given a rest")

// Redis is a cache that several instances share.
type Redis struct {
	pool    *redis.Pool
	keepFor time.Duration
	prefix  string
	breaker *gobreaker.CircuitBreaker[any]
}

// NewRedis returns a cache at a URL such as redis://:password@host:6379/0 that keeps each entry for a time. The namespace
// keeps the answers of different upstreams apart. Close must be called at the end.
func NewRedis(url, namespace string, keepFor time.Duration) *Redis {
	return &Redis{
		pool: &redis.Pool{
			MaxIdle: redisConnections, MaxActive: redisConnections, Wait: true, IdleTimeout: redisIdle,
			DialContext: func(ctx context.Context) (redis.Conn, error) {
				return redis.DialURLContext(ctx, url, redis.DialClientName("clockmirror"))
			},
		},
		keepFor: keepFor,
		prefix:  namespace + "\x00",
		breaker: gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
			Timeout:      redisRest,
			ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= redisFailures },
			IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, redis.ErrNil) },
		}),
	}
}

// Get returns the entry for the text.
func (r *Redis) Get(ctx context.Context, text string) (Entry, bool, error) {
	value, err := redis.Bytes(r.do(ctx, "GET", r.key(text)))
	if errors.Is(err, redis.ErrNil) {
		return Entry{}, false, nil
	}

	if err != nil {
		return Entry{}, false, fmt.Errorf("ask Redis: %w", err)
	}

	var entry Entry
	if err = json.Unmarshal(value, &entry); err != nil {
		return Entry{}, false, fmt.Errorf("read what Redis has: %w", err)
	}

	if entry.Asked.IsZero() {
		return Entry{}, false, errors.New("what Redis has is not an entry")
	}

	return entry, true, nil
}

// Set keeps an entry for the text.
func (r *Redis) Set(ctx context.Context, text string, entry Entry) error {
	value, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("write for Redis: %w", err)
	}

	if _, err = r.do(ctx, "SET", r.key(text), value, "PX", r.keepFor.Milliseconds()); err != nil {
		return fmt.Errorf("tell Redis: %w", err)
	}

	return nil
}

// Close closes all connections.
func (r *Redis) Close() error {
	if err := r.pool.Close(); err != nil {
		return fmt.Errorf("close the connections to Redis: %w", err)
	}

	return nil
}

func (r *Redis) do(ctx context.Context, command string, arguments ...any) (any, error) {
	reply, err := r.breaker.Execute(func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, redisTimeout)
		defer cancel()

		connection, err := r.pool.GetContext(ctx)
		if err != nil {
			return nil, err //nolint:wrapcheck // the caller says what was asked
		}
		defer connection.Close()

		return redis.DoContext(connection, ctx, command, arguments...)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errCacheSkipped
	}

	return reply, err //nolint:wrapcheck // the caller says what was asked
}

// key is as short for a long text as for a short one, and shows nobody the text.
func (r *Redis) key(text string) string {
	hash := sha256.Sum256([]byte(r.prefix + text))

	return "clockmirror:shout:" + hex.EncodeToString(hash[:])
}
