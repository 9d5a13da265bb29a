package config_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/greeting"
)

func TestDefaults(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, config.Config{
		Port: 8080, AdminPort: 9090,
		LogLevel: slog.LevelInfo, LogFormat: "auto",
		DrainDelay: 10 * time.Second, ShutdownTimeout: 15 * time.Second, RequestTimeout: 10 * time.Second,
		MaxInFlight: 1024,
		Greeting:    config.Greeting{Table: greeting.Table{"A": "Hi!", "B": "Dear Sir or Madam!", "C": "Moin!"}},
		Shout: config.Shout{
			Timeout: 2 * time.Second, Tries: 3, InFlight: 64, CacheTTL: 10 * time.Minute, CacheBytes: 8 << 20,
		},
		Traces: config.Traces{Service: "clockmirror", Sampler: "parentbased_always_on", Ratio: 1},
	}, settings)
}

func TestEveryVariableIsRead(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse([]string{
		"PORT=1", "ADMIN_PORT=65535", "LOG_LEVEL=debug", "LOG_FORMAT=json", "DRAIN_DELAY=0s", "SHUTDOWN_TIMEOUT=1ms",
		"REQUEST_TIMEOUT=5m", "MAX_IN_FLIGHT=1", "TRUSTED_PROXIES=10.0.0.0/16,fd00::/8", "HEALTH_LABELS=nama=Ada,nrp=5025",
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4318", "OTEL_EXPORTER_OTLP_HEADERS=key=hidden",
		`GREETINGS={"Z":"Ahoy, \"you\"!","D":"Gude!"}`, "CUSTOMER_NAME=Z",
		"SHOUT_URL=http://shout/V1", "SHOUT_TIMEOUT=1ms", "SHOUT_TRIES=10", "SHOUT_MAX_IN_FLIGHT=1", "SHOUT_CACHE_TTL=8760h",
		"SHOUT_CACHE_BYTES=0", "REDIS_URL=rediss://user:hidden@redis:6380/1",
		"OTEL_SERVICE_NAME=mirror", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25",
	})
	require.NoError(t, err)

	assert.Equal(t, "https://collector:4318", settings.Traces.Endpoint.String())
	assert.Equal(t, "http://shout/V1", settings.Shout.URL.String())
	assert.Equal(t, "rediss://user:hidden@redis:6380/1", settings.Shout.RedisURL.String())

	settings.Traces.Endpoint, settings.Shout.URL, settings.Shout.RedisURL = nil, nil, nil
	assert.Equal(t, config.Config{
		Port: 1, AdminPort: 65535,
		LogLevel: slog.LevelDebug, LogFormat: "json",
		DrainDelay: 0, ShutdownTimeout: time.Millisecond, RequestTimeout: 5 * time.Minute,
		MaxInFlight:    1,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		HealthLabels:   map[string]string{"nama": "Ada", "nrp": "5025"},
		Greeting:       config.Greeting{Customer: "Z", Table: greeting.Table{"Z": `Ahoy, "you"!`, "D": "Gude!"}},
		Shout:          config.Shout{Timeout: time.Millisecond, Tries: 10, InFlight: 1, CacheTTL: 8760 * time.Hour},
		Traces: config.Traces{
			Headers: map[string]string{"key": "hidden"},
			Service: "mirror", Sampler: "traceidratio", Ratio: 0.25,
		},
	}, settings)
}

func TestAnEmptyVariableCountsAsUnset(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse([]string{"PORT=", "LOG_LEVEL=", "HEALTH_LABELS="})
	require.NoError(t, err)
	assert.Equal(t, uint16(8080), settings.Port)
}

func TestWrongVariables(t *testing.T) {
	t.Parallel()

	for name, values := range map[string][]string{
		"PORT":                {"0", "65536", "-1", "http", "80 ", "9090"},
		"ADMIN_PORT":          {"0", "65536", "8080"},
		"LOG_LEVEL":           {"loud", "1"},
		"LOG_FORMAT":          {"xml", "JSON"},
		"DRAIN_DELAY":         {"-1s", "10", "5m1s", "soon"},
		"SHUTDOWN_TIMEOUT":    {"0s", "-1s", "6m", "15"},
		"REQUEST_TIMEOUT":     {"0s", "6m", "ten"},
		"MAX_IN_FLIGHT":       {"0", "-5", "many", "1000001"},
		"TRUSTED_PROXIES":     {"10.0.0.1", "10.0.0.0/33", "anyone", "10.0.0.0/8,nobody", "10.0.0.0/8,", ",", "10.0.0.0/8,,::1/128"},
		"HEALTH_LABELS":       {"team", "status=DOWN", "=x", `a"b=c`},
		"CUSTOMER_NAME":       {"D", "a", " A"},
		"GREETINGS":           {"A=Hi!", "{}", "null", `{"A":""}`, `{"A":1}`},
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
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"collector:4318", "ftp://collector", "http://", "::", "http://:4318", "http://collector:99999"},
		"OTEL_TRACES_SAMPLER":         {"sometimes"},
		"OTEL_TRACES_SAMPLER_ARG":     {"2", "-0.1", "half"},
	} {
		for _, value := range values {
			_, err := config.Parse([]string{name + "=" + value})

			var wrong *config.Error
			require.ErrorAs(t, err, &wrong, "%s=%s", name, value)
			require.Len(t, wrong.Lines, 1, "%s=%s", name, value)

			if name == "PORT" && value == "9090" {
				assert.Contains(t, wrong.Lines[0], "ADMIN_PORT: ", "the two must differ")

				continue
			}

			assert.True(t, strings.HasPrefix(wrong.Lines[0], name+": "), wrong.Lines[0])
			assert.Contains(t, wrong.Lines[0], "it must be ")
		}
	}
}

func TestAllWrongVariablesAreNamedAtOnceInTheirOrder(t *testing.T) {
	t.Parallel()

	_, err := config.Parse([]string{"MAX_IN_FLIGHT=0", "PORT=x", "LOG_FORMAT=xml"})
	require.EqualError(t, err, `PORT: "x" is not allowed; it must be a TCP port, 1 to 65535
LOG_FORMAT: "xml" is not allowed; it must be json, text, or auto (text on a terminal, json elsewhere)
MAX_IN_FLIGHT: "0" is not allowed; it must be a number from 1 to 1000000`)
}

func TestACustomerWithoutGreetingLearnsWhoHasOne(t *testing.T) {
	t.Parallel()

	_, err := config.Parse([]string{"CUSTOMER_NAME=D"})
	require.EqualError(t, err, `CUSTOMER_NAME: "D" is not allowed; it must be the name of a customer in GREETINGS: A, B, C`)

	_, err = config.Parse([]string{"CUSTOMER_NAME=D", `GREETINGS={"A"}`})
	require.EqualError(t, err, `GREETINGS: "{\"A\"}" is not allowed; it must be a JSON object of names and greetings, none of them empty, such as {"A":"Hi!"}`)
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{
		"OTEL_EXPORTER_OTLP_HEADERS=hidden",
		"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://user:hidden@collector",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:hidden@col lector",
		"SHOUT_URL=ftp://user:hidden@shout",
		"SHOUT_URL=http://shout:0/hidden?key=hidden",
		"REDIS_URL=http://:hidden@redis",
		"REDIS_URL=redis://:hidden@redis:port",
	} {
		name, _, _ := strings.Cut(setting, "=")

		_, err := config.Parse([]string{setting})
		require.ErrorContains(t, err, name+": its value (not shown) is not allowed; it must be ")
		assert.NotContains(t, err.Error(), "hidden")
	}

	settings, err := config.Parse([]string{
		"SHOUT_URL=https://user:hidden@shout:8443/hidden?key=hidden#hidden",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://hidden@collector:4318/hidden?key=hidden",
		"REDIS_URL=redis://:hidden@redis", "OTEL_EXPORTER_OTLP_HEADERS=key=hidden", "OTEL_TRACES_SAMPLER_ARG=0.5",
	})
	require.NoError(t, err)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", settings)
	assert.NotContains(t, log.String(), "hidden")

	for _, shown := range []string{
		`"SHOUT_URL":"https://shout:8443"`, `"OTEL_EXPORTER_OTLP_ENDPOINT":"http://collector:4318"`, `"REDIS_URL":"redis://redis"`,
		`"OTEL_EXPORTER_OTLP_HEADERS":"***"`, `"OTEL_TRACES_SAMPLER_ARG":"0.5"`, `"DRAIN_DELAY":"10s"`,
	} {
		assert.Contains(t, log.String(), shown)
	}
}
