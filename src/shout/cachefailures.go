package shout

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Kind says what kind of failure a cache had. It is a metric's label.
type Kind string

// The kinds.
const (
	// KindTimeout is a cache that did not answer in time.
	KindTimeout Kind = "timeout"
	// KindConnection is a cache that can't be reached, or that closed the connection.
	KindConnection Kind = "connection"
	// KindDenied is a wrong password or a missing permission.
	KindDenied Kind = "denied"
	// KindFull is a cache without memory for another entry.
	KindFull Kind = "full"
	// KindReadOnly is a replica, which takes no writes.
	KindReadOnly Kind = "read_only"
	// KindRefused is any other error reply.
	KindRefused Kind = "refused"
	// KindReply is a reply that can't be read.
	KindReply Kind = "reply"
	// KindEntry is a value that is not an entry, or an entry that is too large.
	KindEntry Kind = "entry"
)

func kinds() []Kind {
	return []Kind{KindTimeout, KindConnection, KindDenied, KindFull, KindReadOnly, KindRefused, KindReply, KindEntry}
}

// CacheError is a failure of the cache.
type CacheError struct {
	Kind Kind
	// Err says more, and holds no secret.
	Err error
}

// Error says what happened.
func (e *CacheError) Error() string { return string(e.Kind) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CacheError) Unwrap() error { return e.Err }

// redisError finds out the kind of a failure. The otherwise kind is for what neither Redis nor the network explains.
func redisError(err error, otherwise Kind) error {
	if errors.Is(err, redis.ErrNil) {
		return err
	}

	if reply, ok := errors.AsType[redis.Error](err); ok {
		return refusedByRedis(string(reply))
	}

	kind := otherwise

	if network, ok := errors.AsType[net.Error](err); ok {
		kind = KindConnection
		if network.Timeout() {
			kind = KindTimeout
		}
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		kind = KindConnection
	}

	return &CacheError{kind, err}
}

// refusedByRedis shows only the code of an error reply: its text may repeat what was sent, a password too.
func refusedByRedis(reply string) error {
	code, _, _ := strings.Cut(reply, " ")
	kind := KindRefused

	switch {
	case code == "OOM":
		kind = KindFull
	case code == "READONLY":
		kind = KindReadOnly
	case code == "WRONGPASS", code == "NOAUTH", code == "NOPERM", strings.Contains(reply, "password"):
		kind = KindDenied
	default:
		code = "an error"
	}

	return &CacheError{kind, errors.New("Redis answers " + code)}
}

// logInterval is how often one kind of failure is logged at most.
const logInterval = time.Minute

// cacheFailures counts failures of the cache, and logs each kind at most once a minute.
type cacheFailures struct {
	logger  *slog.Logger
	metrics *Metrics

	mutex  sync.Mutex
	logged map[failureKey]time.Time
}

type failureKey struct {
	operation string
	kind      Kind
}

func (f *cacheFailures) report(ctx context.Context, operation string, err error) {
	if err == nil || errors.Is(err, errCacheSkipped) {
		return
	}

	key := failureKey{operation, KindRefused}
	if failure, ok := errors.AsType[*CacheError](err); ok {
		key.kind = failure.Kind
	}

	f.metrics.cacheErrors.WithLabelValues(operation, string(key.kind)).Inc()

	if f.due(key) {
		f.logger.WarnContext(ctx, "the cache fails", "operation", operation, "kind", string(key.kind), "error", err.Error())
	}
}

func (f *cacheFailures) due(key failureKey) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()

	now := time.Now()
	if last, ok := f.logged[key]; ok && now.Sub(last) < logInterval {
		return false
	}

	f.logged[key] = now

	return true
}
