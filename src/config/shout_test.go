package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/config"
)

func TestShout(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, config.Shout{
		Timeout: 2 * time.Second, Tries: 3, InFlight: 64, CacheTTL: 10 * time.Minute, CacheBytes: 8 << 20,
	}, settings.Shout)

	settings, err = config.Parse([]string{
		"SHOUT_URL=http://shout/V1", "SHOUT_TIMEOUT=1ms", "SHOUT_TRIES=10", "SHOUT_MAX_IN_FLIGHT=1", "SHOUT_CACHE_TTL=8760h",
		"SHOUT_CACHE_BYTES=0", "REDIS_URL=rediss://user:hidden@redis:6380/1",
	})
	require.NoError(t, err)
	assert.Equal(t, "http://shout/V1", settings.Shout.URL.String())
	assert.Equal(t, "rediss://user:hidden@redis:6380/1", settings.Shout.RedisURL.String())

	settings.Shout.URL, settings.Shout.RedisURL = nil, nil
	assert.Equal(t, config.Shout{Timeout: time.Millisecond, Tries: 10, InFlight: 1, CacheTTL: 8760 * time.Hour}, settings.Shout)
}

func TestWrongVariablesOfShout(t *testing.T) {
	t.Parallel()

	areWrong(t, map[string][]string{
		"SHOUT_URL":           {"shout.example.com", "redis://shout", "http://", "http://:80", "http://shout:0", "http://shout:65536"},
		"SHOUT_TIMEOUT":       {"0s", "6m", "2"},
		"SHOUT_TRIES":         {"0", "11", "-1", "some"},
		"SHOUT_MAX_IN_FLIGHT": {"0", "-1", "1000001"},
		"SHOUT_CACHE_TTL":     {"0s", "8761h"},
		"SHOUT_CACHE_BYTES":   {"-1", "1099511627777", "8MB"},
		"REDIS_URL": {
			"localhost:6379", "http://redis", "redis://", "redis://:6379", "redis://:hidden@:6379", "redis://redis/abc",
			"redis://redis/-1", "redis://redis/1/2", "redis://redis/99999999999999999999", "redis://redis:99999", "redis://redis:0",
		},
	})
}

func TestSecretsOfShoutAreNeverShown(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{
		"SHOUT_URL=ftp://user:hidden@shout",
		"SHOUT_URL=http://shout:0/hidden?key=hidden",
		"REDIS_URL=http://:hidden@redis",
		"REDIS_URL=redis://:hidden@redis:port",
	} {
		isNotShown(t, setting)
	}

	log := logged(t, "SHOUT_URL=https://user:hidden@shout:8443/hidden?key=hidden#hidden", "REDIS_URL=redis://:hidden@redis")
	assert.NotContains(t, log, "hidden")
	assert.Contains(t, log, `"SHOUT_URL":"https://shout:8443"`)
	assert.Contains(t, log, `"REDIS_URL":"redis://redis"`)
}
