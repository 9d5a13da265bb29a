// Package config turns the environment into a validated [Config], once, at start.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
)

// Config is everything that the environment decides. The `allowed` tag says what a variable may be, in the words that a
// person sees when it is something else. The value of a variable with the `secret` tag is never shown, and of a URL only
// scheme and host.
type Config struct {
	// Port serves the API and its documentation.
	Port uint16 `env:"PORT" envDefault:"8080" validate:"min=1" allowed:"a TCP port, 1 to 65535"`
	// AdminPort serves metrics and profiles; no load balancer routes to it.
	AdminPort uint16 `env:"ADMIN_PORT" envDefault:"9090" validate:"min=1,nefield=Port" allowed:"a TCP port, 1 to 65535, other than PORT"`

	LogLevel  slog.Level `env:"LOG_LEVEL"  envDefault:"info" allowed:"debug, info, warn or error"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"auto" allowed:"json, text, or auto (text on a terminal, json elsewhere)" validate:"oneof=auto json text"`

	// DrainDelay is how long requests are still served after SIGTERM, while load balancers notice that /readyz says 503.
	DrainDelay time.Duration `env:"DRAIN_DELAY" envDefault:"10s" validate:"min=0,max=5m" allowed:"a duration from 0s to 5m, such as 10s"`
	// ShutdownTimeout is how long, after the drain delay, requests in flight have to end.
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"15s" validate:"min=1ms,max=5m" allowed:"a duration from 1ms to 5m, such as 15s"`
	// RequestTimeout is how long a client may take to send a request, the program to make the answer, and the client to
	// take it: each of the three.
	RequestTimeout time.Duration `env:"REQUEST_TIMEOUT" envDefault:"10s" validate:"min=1ms,max=5m" allowed:"a duration from 1ms to 5m, such as 10s"`
	// MaxConnections is how many connections there may be on Port; 0 is as many as the memory limit allows.
	MaxConnections int `env:"MAX_CONNECTIONS" envDefault:"0" validate:"min=0,max=1000000" allowed:"a number from 1 to 1000000, or 0: what the memory limit allows"`
	// MaxInFlight is how many requests are worked on at a time; more are told to come back later.
	MaxInFlight int `env:"MAX_IN_FLIGHT" envDefault:"1024" validate:"min=1,max=1000000" allowed:"a number from 1 to 1000000"`

	// TrustedProxies are the networks of the load balancers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" validate:"dive,network" allowed:"networks in CIDR notation, comma-separated, such as 10.0.0.0/16"`
	// HealthLabels are additional members of /health.
	HealthLabels map[string]string `env:"HEALTH_LABELS" envKeyValSeparator:"=" validate:"dive,keys,required,excludesall=\"\\,notmember,endkeys" allowed:"key=value pairs, comma-separated, no key that /health has already, such as team=payments,tier=1"`

	Greeting Greeting
	Shout    Shout
	Traces   Traces
}

// part has the settings of a part of the service, and rules of its own for them.
type part interface {
	// rules are for `validate` tags.
	rules() map[string]validator.Func
	// words are for `allowed` tags: what stands there in braces, and what for.
	words() []string
}

func (c Config) parts() []part {
	return []part{
		c.Greeting,
		c.Shout,
	}
}

// Traces says where spans go and which are recorded, in the variables that OpenTelemetry names.
type Traces struct {
	// Endpoint takes OTLP over HTTP; without one nothing is traced.
	Endpoint *url.URL `env:"OTEL_EXPORTER_OTLP_ENDPOINT" validate:"omitempty,httpurl" allowed:"a URL such as http://collector:4318"`
	// Headers go with every export, usually a collector's key.
	Headers map[string]string `env:"OTEL_EXPORTER_OTLP_HEADERS" envKeyValSeparator:"=" secret:"true" allowed:"key=value pairs, comma-separated"`
	Service string            `env:"OTEL_SERVICE_NAME" envDefault:"clockmirror" allowed:"a name"`
	Sampler string            `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on" validate:"oneof=always_on always_off traceidratio parentbased_always_on parentbased_always_off parentbased_traceidratio" allowed:"always_on, always_off, traceidratio, or one of these after parentbased_"`
	// Ratio is the share of traces that the traceidratio samplers record.
	Ratio float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1" validate:"min=0,max=1" allowed:"a number from 0 to 1"`
}

// Error lists every variable that is wrong.
type Error struct {
	// Lines has one line a variable: its name, its value (but for secrets) and what is allowed.
	Lines []string
}

// Error returns the lines.
func (e *Error) Error() string { return strings.Join(e.Lines, "\n") }

// healthMembers are the members that /health has of its own.
func healthMembers() []string {
	return []string{"status", "timestamp", "uptime", "service", "version", "revision", "created", "hostname"}
}

// Parse reads the variables of an environment in the form of [os.Environ]. An empty variable counts as unset. When any
// is wrong, the error is an [*Error] that names them all.
func Parse(environ []string) (Config, error) {
	environment := env.ToMap(environ)
	for key, value := range environment {
		if value == "" {
			delete(environment, key)
		}
	}

	var config Config

	wrong := map[string]bool{}

	if err := env.ParseWithOptions(&config, env.Options{Environment: environment}); err != nil {
		var all env.AggregateError
		if !errors.As(err, &all) {
			return Config{}, fmt.Errorf("read the environment: %w", err)
		}

		for _, one := range all.Errors {
			var field env.ParseError
			if !errors.As(one, &field) {
				return Config{}, fmt.Errorf("read the environment: %w", one)
			}

			wrong[field.Name] = true
		}
	}

	invalid, err := validate(config)
	if err != nil {
		return Config{}, err
	}

	for _, field := range invalid {
		wrong[field] = true
	}

	if len(wrong) == 0 {
		return config, nil
	}

	var words []string
	for _, part := range config.parts() {
		words = append(words, part.words()...)
	}

	return Config{}, explain(wrong, environment, strings.NewReplacer(words...))
}

// validate returns the names of the fields whose values the `validate` tags refuse.
func validate(config Config) ([]string, error) {
	rules := validator.New(validator.WithRequiredStructEnabled())

	all := map[string]validator.Func{
		"notmember": func(field validator.FieldLevel) bool {
			return !slices.Contains(healthMembers(), field.Field().String())
		},
		"network": isNetwork,
		"httpurl": hasScheme("http", "https"),
	}
	for _, part := range config.parts() {
		maps.Copy(all, part.rules())
	}

	for name, rule := range all {
		if err := rules.RegisterValidation(name, rule); err != nil {
			return nil, fmt.Errorf("register the rule %s: %w", name, err)
		}
	}

	err := rules.Struct(config)

	var invalid validator.ValidationErrors
	if err != nil && !errors.As(err, &invalid) {
		return nil, fmt.Errorf("validate the environment: %w", err)
	}

	fields := make([]string, 0, len(invalid))

	for _, one := range invalid {
		name, _, _ := strings.Cut(one.StructField(), "[") // a map's element is named after the map
		fields = append(fields, name)
	}

	return fields, nil
}

// isNetwork is a rule for networks. An empty text between two commas is read as the invalid network.
func isNetwork(field validator.FieldLevel) bool {
	network, ok := reflect.TypeAssert[netip.Prefix](field.Field())

	return ok && network.IsValid()
}

// hasScheme is a rule for URLs with one of the schemes, a host, and a valid port or none.
func hasScheme(schemes ...string) validator.Func {
	return func(field validator.FieldLevel) bool {
		address, ok := reflect.TypeAssert[url.URL](field.Field())
		if !ok || !slices.Contains(schemes, address.Scheme) || address.Hostname() == "" {
			return false
		}

		if address.Port() == "" {
			return true
		}

		port, err := strconv.ParseUint(address.Port(), 10, 16)

		return err == nil && port != 0
	}
}

// explain says for each wrong field, in the order in which they are declared, what its variable may be.
func explain(wrong map[string]bool, environment map[string]string, words *strings.Replacer) *Error {
	var failure Error

	for field := range fields(reflect.TypeFor[Config]()) {
		if !wrong[field.Name] {
			continue
		}

		variable := field.Tag.Get("env")

		shown := fmt.Sprintf("%.60q", environment[variable])
		if field.Tag.Get("secret") != "" || field.Type == reflect.TypeFor[*url.URL]() {
			shown = "its value (not shown)"
		}

		failure.Lines = append(failure.Lines, fmt.Sprintf("%s: %s is not allowed; it must be %s", variable, shown, words.Replace(field.Tag.Get("allowed"))))
	}

	return &failure
}

// LogValue shows every variable by its name, without secrets, for the log line at start.
func (c Config) LogValue() slog.Value {
	var attributes []slog.Attr

	value := reflect.ValueOf(c)
	for field := range fields(value.Type()) {
		setting := value.FieldByIndex(field.Index)

		var shown string

		switch {
		case setting.IsZero() && slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Map, reflect.Slice}, setting.Kind()):
		case field.Tag.Get("secret") != "":
			shown = "***"
		case setting.Type() == reflect.TypeFor[*url.URL]():
			shown = withoutSecrets(setting)
		default:
			shown = fmt.Sprint(setting.Interface())
		}

		attributes = append(attributes, slog.String(field.Tag.Get("env"), shown))
	}

	return slog.GroupValue(attributes...)
}

// withoutSecrets shows scheme and host of a URL: user, path and query may all hold a key.
func withoutSecrets(setting reflect.Value) string {
	address, ok := reflect.TypeAssert[*url.URL](setting)
	if !ok {
		return ""
	}

	return address.Scheme + "://" + address.Host
}

// fields yields the struct fields that stand for a variable, with their index from the outermost struct.
func fields(of reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, field := range reflect.VisibleFields(of) {
			switch {
			case field.Tag.Get("env") != "":
				if !yield(field) {
					return
				}
			case field.Type.Kind() == reflect.Struct:
				for inner := range fields(field.Type) {
					inner.Index = slices.Concat(field.Index, inner.Index)
					if !yield(inner) {
						return
					}
				}
			}
		}
	}
}
