package api

import "math"

const (
	// baseMemory is what the program itself takes: runtime, code in use, metrics, Swagger UI, log lines that wait.
	baseMemory = 18 << 20
	// connectionMemory is the most that a connection holds: two stacks, net/http's buffers, a header of 16 KiB.
	connectionMemory = 48 << 10
	// bodyShare is how many connections there are for each body that may be coming or in work.
	bodyShare = 2

	leastConnections, mostConnections = 64, 16_384
	leastBodyMemory, mostBodyMemory   = 4 << 20, 512 << 20
)

// Budget is what clients may hold at a time.
type Budget struct {
	// Connections is how many there may be.
	Connections int
	// BodyMemory is for request bodies and what is made of them, in bytes.
	BodyMemory int64
}

// NewBudget divides the memory that the limit leaves beside the program and its cache: half for connections, a quarter
// for bodies, the rest for garbage that waits for its collection. No limit is [math.MaxInt64].
func NewBudget(limit, cache int64) Budget {
	if limit == math.MaxInt64 {
		return Budget{mostConnections, mostBodyMemory}
	}

	const halves, quarters = 2, 4

	free := limit - baseMemory - cache

	return Budget{
		Connections: int(min(max(free/halves/connectionMemory, leastConnections), mostConnections)),
		BodyMemory:  min(max(free/quarters, leastBodyMemory), mostBodyMemory),
	}
}
