package config

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// Shout says how texts are turned into upper case.
type Shout struct {
	// URL is the upstream; without one the program makes the upper case itself.
	URL *url.URL `env:"SHOUT_URL" validate:"omitempty,httpurl" allowed:"a URL such as http://shout.example.com/V1/SHOUT"`
	// Timeout bounds each try.
	Timeout time.Duration `env:"SHOUT_TIMEOUT" envDefault:"2s" validate:"min=1ms,max=5m" allowed:"a duration from 1ms to 5m, such as 2s"`
	Tries   uint          `env:"SHOUT_TRIES" envDefault:"3" validate:"min=1,max=10" allowed:"a number from 1 to 10"`
	// InFlight is how many requests the upstream gets at a time. (A name of its own: fields are told apart by their names.)
	InFlight int64 `env:"SHOUT_MAX_IN_FLIGHT" envDefault:"64" validate:"min=1,max=1000000" allowed:"a number from 1 to 1000000"`
	// CacheTTL is how long an answer is served without asking the upstream.
	CacheTTL time.Duration `env:"SHOUT_CACHE_TTL" envDefault:"10m" validate:"min=1ms,max=8760h" allowed:"a duration from 1ms to 8760h, such as 10m"`
	// CacheBytes bounds the memory of the embedded cache; 0 is no cache.
	CacheBytes uint64 `env:"SHOUT_CACHE_BYTES" envDefault:"8388608" validate:"max=1099511627776" allowed:"a number of bytes from 0 (no cache) to 1099511627776"`
	// RedisURL is a cache that instances share, instead of the embedded one.
	RedisURL *url.URL `env:"REDIS_URL" validate:"omitempty,redisurl" allowed:"a URL such as redis://:password@redis.example.com:6379/0, or rediss:// for TLS"`
}

func (Shout) rules() map[string]validator.Func {
	return map[string]validator.Func{"redisurl": namesDatabase}
}

func (Shout) words() []string { return nil }

// namesDatabase is a rule for URLs of Redis: the path is empty or the number of a database.
func namesDatabase(field validator.FieldLevel) bool {
	address, ok := reflect.TypeAssert[url.URL](field.Field())
	if !ok || !hasScheme("redis", "rediss")(field) {
		return false
	}

	number := strings.TrimPrefix(address.Path, "/")
	if number == "" {
		return true
	}

	_, err := strconv.ParseUint(number, 10, 31)

	return err == nil
}
