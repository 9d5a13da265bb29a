package rehearsal

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// clearLine goes back to the beginning of a terminal's line, and empties it.
const clearLine = "\r\x1b[2K"

// progress prints lines, and below them, on a terminal, what is being done at the moment.
type progress struct {
	out io.Writer
	// live is whether out is a terminal.
	live bool

	mutex sync.Mutex
	doing map[string]string
}

// sayf prints a line.
func (p *progress) sayf(format string, arguments ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()

	if p.live {
		fmt.Fprint(p.out, clearLine)
	}

	fmt.Fprintf(p.out, format+"\n", arguments...)
	p.show()
}

// does notes what an action is doing; an empty text says that it is done.
func (p *progress) does(who, what string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()

	if p.doing == nil {
		p.doing = map[string]string{}
	}

	p.doing[who] = what
	if what == "" {
		delete(p.doing, who)
	}

	p.show()
}

func (p *progress) show() {
	if !p.live {
		return
	}

	var words []string

	for _, who := range slices.Sorted(maps.Keys(p.doing)) {
		words = append(words, who+": "+p.doing[who])
	}

	const width = 100

	text := []rune(strings.Join(words, " | "))
	fmt.Fprint(p.out, clearLine+string(text[:min(len(text), width)]))
}

// watcher looks for the commands in what a build prints.
type watcher struct {
	who  string
	on   *progress
	line bytes.Buffer
}

// Write takes what is printed.
func (w *watcher) Write(data []byte) (int, error) {
	for _, char := range data {
		if char != '\n' {
			w.line.WriteByte(char)

			continue
		}

		if _, command, found := strings.Cut(w.line.String(), "[rehearsal] running command "); found {
			w.on.does(w.who, command)
		}

		w.line.Reset()
	}

	return len(data), nil
}
