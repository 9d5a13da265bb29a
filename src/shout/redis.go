package shout

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/sony/gobreaker/v2"
)

const (
	// redisPause is how long reads or writes skip Redis after redisFailures failures in a row.
	redisPause    = time.Second
	redisFailures = 3

	redisConnections = 64
	redisIdle        = time.Minute
)

// errCacheSkipped says that Redis was not asked. Its failures were reported when they happened.
var errCacheSkipped = errors.New("the cache is skipped for a moment after repeated failures")

// Redis is a cache that several instances share. Reads and writes have a breaker each: a Redis that is full or read-only
// still answers reads.
type Redis struct {
	pool    *redis.Pool
	keepFor time.Duration
	timeout time.Duration
	prefix  string
	reads   *gobreaker.CircuitBreaker[any]
	writes  *gobreaker.CircuitBreaker[any]
	broken  atomic.Int64 // when a connection last failed, in Unix nanoseconds
}

// NewRedis returns a cache at a URL such as redis://:password@host:6379/0 that keeps each entry for a time. The namespace
// keeps the answers of different upstreams apart; timeout bounds what a slow Redis can add to an answer. Call Close at shutdown.
func NewRedis(address *url.URL, namespace string, keepFor, timeout time.Duration) *Redis {
	cache := &Redis{keepFor: keepFor, timeout: timeout, prefix: namespace + "\x00", reads: newRedisBreaker(), writes: newRedisBreaker()}

	// TLS is set up by boundedDial, so that the bounds apply to the decrypted replies.
	plain := *address
	plain.Scheme = "redis"

	cache.pool = &redis.Pool{
		MaxIdle: redisConnections, MaxActive: redisConnections, Wait: true, IdleTimeout: redisIdle,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialURLContext(ctx, plain.String(),
				redis.DialClientName("clockmirror"), redis.DialContextFunc(boundedDial(address.Scheme == "rediss")))
		},
		TestOnBorrow: func(_ redis.Conn, lastUsed time.Time) error {
			if lastUsed.UnixNano() <= cache.broken.Load() {
				return errors.New("another connection has failed since this one was used")
			}

			return nil
		},
	}

	return cache
}

func newRedisBreaker() *gobreaker.CircuitBreaker[any] {
	return gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
		Timeout:      redisPause,
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= redisFailures },
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, redis.ErrNil) },
	})
}

func boundedDial(secure bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := (&net.Dialer{}).DialContext
	if secure {
		dial = (&tls.Dialer{}).DialContext
	}

	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}

		return &boundedConn{Conn: connection}, nil
	}
}

// Get returns the entry for the text.
func (r *Redis) Get(ctx context.Context, text string) (Entry, bool, error) {
	value, err := redis.Bytes(r.do(ctx, r.reads, "GET", r.key(text)))
	if errors.Is(err, redis.ErrNil) {
		return Entry{}, false, nil
	}

	if err != nil {
		return Entry{}, false, fmt.Errorf("read from Redis: %w", err)
	}

	var entry Entry
	if err = json.Unmarshal(value, &entry); err != nil {
		return Entry{}, false, &CacheError{Kind: KindEntry, Err: fmt.Errorf("parse the value in Redis: %w", err)}
	}

	if entry.Asked.IsZero() {
		return Entry{}, false, &CacheError{Kind: KindEntry, Err: errors.New("the value in Redis is not an entry")}
	}

	return entry, true, nil
}

// Set keeps an entry for the text.
func (r *Redis) Set(ctx context.Context, text string, entry Entry) error {
	value, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encode an entry for Redis: %w", err)
	}

	if len(value) > largestReply {
		return &CacheError{Kind: KindEntry, Err: fmt.Errorf("the entry has %d bytes; the limit is %d", len(value), largestReply)}
	}

	if _, err = r.do(ctx, r.writes, "SET", r.key(text), value, "PX", r.keepFor.Milliseconds()); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
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

func (r *Redis) do(ctx context.Context, breaker *gobreaker.CircuitBreaker[any], command string, arguments ...any) (any, error) {
	reply, err := breaker.Execute(func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, r.timeout)
		defer cancel()

		connection, err := r.pool.GetContext(ctx)
		if err != nil {
			return nil, redisError(err, KindConnection)
		}
		defer connection.Close()

		reply, err := redis.DoContext(connection, ctx, command, arguments...)
		if err != nil {
			if connection.Err() != nil { // the server may have restarted, so older connections are closed too
				r.broken.Store(time.Now().UnixNano())
			}

			return nil, redisError(err, KindReply)
		}

		return reply, nil
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errCacheSkipped
	}

	return reply, err //nolint:wrapcheck // the caller says what was asked
}

// key has a fixed length and doesn't reveal the text.
func (r *Redis) key(text string) string {
	hash := sha256.Sum256([]byte(r.prefix + text))

	return "clockmirror:shout:" + hex.EncodeToString(hash[:])
}
