package shout

import (
	"context"
	"time"

	"github.com/jellydator/ttlcache/v3"
)

// Memory is a cache within the process. It evicts what was least recently used, and reserves no memory in advance.
type Memory struct {
	entries *ttlcache.Cache[string, Entry]
}

// entryOverhead is about what an entry takes up beside its two texts: the item, its places in two queues and a map.
const entryOverhead = 400

// NewMemory returns a cache that keeps each entry for a time, and no more bytes than the limit.
func NewMemory(keepFor time.Duration, limit uint64) *Memory {
	return &Memory{ttlcache.New(
		ttlcache.WithTTL[string, Entry](keepFor),
		ttlcache.WithDisableTouchOnHit[string, Entry](), // serving an answer does not renew it
		ttlcache.WithMaxCost(limit, func(item ttlcache.CostItem[string, Entry]) uint64 {
			return uint64(len(item.Key) + len(item.Value.Upper) + entryOverhead)
		}),
	)}
}

// Get returns the entry for the text.
func (m *Memory) Get(_ context.Context, text string) (Entry, bool, error) {
	item := m.entries.Get(text)
	if item == nil {
		return Entry{}, false, nil
	}

	return item.Value(), true, nil
}

// Set keeps an entry for the text.
func (m *Memory) Set(_ context.Context, text string, entry Entry) error {
	m.entries.Set(text, entry, ttlcache.DefaultTTL)

	return nil
}
