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
		Greeting:    settings.Greeting, // its own test looks at it
		Shout:       settings.Shout,    // its own test looks at it
		Traces:      config.Traces{Service: "clockmirror", Sampler: "parentbased_always_on", Ratio: 1},
	}, settings)
}

func TestEveryVariableIsRead(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse([]string{
		"PORT=1", "ADMIN_PORT=65535", "LOG_LEVEL=debug", "LOG_FORMAT=json", "DRAIN_DELAY=0s", "SHUTDOWN_TIMEOUT=1ms",
		"REQUEST_TIMEOUT=5m", "MAX_IN_FLIGHT=1", "TRUSTED_PROXIES=10.0.0.0/16,fd00::/8", "HEALTH_LABELS=nama=Ada,nrp=5025",
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4318", "OTEL_EXPORTER_OTLP_HEADERS=key=hidden",
		"OTEL_SERVICE_NAME=front", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25",
	})
	require.NoError(t, err)

	assert.Equal(t, "https://collector:4318", settings.Traces.Endpoint.String())

	settings.Traces.Endpoint = nil
	assert.Equal(t, config.Config{
		Port: 1, AdminPort: 65535,
		LogLevel: slog.LevelDebug, LogFormat: "json",
		DrainDelay: 0, ShutdownTimeout: time.Millisecond, RequestTimeout: 5 * time.Minute,
		MaxInFlight:    1,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		HealthLabels:   map[string]string{"nama": "Ada", "nrp": "5025"},
		Greeting:       settings.Greeting,
		Shout:          settings.Shout,
		Traces: config.Traces{
			Headers: map[string]string{"key": "hidden"},
			Service: "front", Sampler: "traceidratio", Ratio: 0.25,
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

	areWrong(t, map[string][]string{
		"PORT":                        {"0", "65536", "-1", "http", "80 ", "9090"},
		"ADMIN_PORT":                  {"0", "65536", "8080"},
		"LOG_LEVEL":                   {"loud", "1"},
		"LOG_FORMAT":                  {"xml", "JSON"},
		"DRAIN_DELAY":                 {"-1s", "10", "5m1s", "soon"},
		"SHUTDOWN_TIMEOUT":            {"0s", "-1s", "6m", "15"},
		"REQUEST_TIMEOUT":             {"0s", "6m", "ten"},
		"MAX_IN_FLIGHT":               {"0", "-5", "many", "1000001"},
		"TRUSTED_PROXIES":             {"10.0.0.1", "10.0.0.0/33", "anyone", "10.0.0.0/8,nobody", "10.0.0.0/8,", ",", "10.0.0.0/8,,::1/128"},
		"HEALTH_LABELS":               {"team", "status=DOWN", "=x", `a"b=c`},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"collector:4318", "ftp://collector", "http://", "::", "http://:4318", "http://collector:99999"},
		"OTEL_TRACES_SAMPLER":         {"sometimes"},
		"OTEL_TRACES_SAMPLER_ARG":     {"2", "-0.1", "half"},
	})
}

// areWrong checks that each of the values of a variable is refused, alone.
func areWrong(t *testing.T, variables map[string][]string) {
	t.Helper()

	for name, values := range variables {
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

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{
		"OTEL_EXPORTER_OTLP_HEADERS=hidden",
		"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://user:hidden@collector",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:hidden@col lector",
	} {
		isNotShown(t, setting)
	}

	log := logged(t,
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://hidden@collector:4318/hidden?key=hidden",
		"OTEL_EXPORTER_OTLP_HEADERS=key=hidden", "OTEL_TRACES_SAMPLER_ARG=0.5",
	)
	assert.NotContains(t, log, "hidden")

	for _, shown := range []string{
		`"OTEL_EXPORTER_OTLP_ENDPOINT":"http://collector:4318"`,
		`"OTEL_EXPORTER_OTLP_HEADERS":"***"`, `"OTEL_TRACES_SAMPLER_ARG":"0.5"`, `"DRAIN_DELAY":"10s"`,
	} {
		assert.Contains(t, log, shown)
	}
}

// isNotShown checks that a wrong setting is refused, and that what is hidden in it does not get into the error.
func isNotShown(t *testing.T, setting string) {
	t.Helper()

	name, _, _ := strings.Cut(setting, "=")

	_, err := config.Parse([]string{setting})
	require.ErrorContains(t, err, name+": its value (not shown) is not allowed; it must be ")
	assert.NotContains(t, err.Error(), "hidden")
}

// logged returns the line in which the program logs its settings.
func logged(t *testing.T, environ ...string) string {
	t.Helper()

	settings, err := config.Parse(environ)
	require.NoError(t, err)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", settings)

	return log.String()
}
