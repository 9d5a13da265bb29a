package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// load sends requestsPerRound requests over kept-alive connections and checks every answer.
func load(address string) error {
	var (
		group  sync.WaitGroup
		mutex  sync.Mutex
		failed error
	)

	for range connections {
		group.Go(func() {
			if err := loadConnection(address, requestsPerRound/connections); err != nil {
				mutex.Lock()
				defer mutex.Unlock()

				failed = errors.Join(failed, err)
			}
		})
	}

	group.Wait()

	return failed
}

func loadConnection(address string, count int) error {
	connection, err := (&net.Dialer{Timeout: patience}).Dial("tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer connection.Close()

	if err = connection.SetDeadline(time.Now().Add(loadPatience)); err != nil {
		return fmt.Errorf("bound the time: %w", err)
	}

	reader := bufio.NewReader(connection)

	for range count {
		if _, err = connection.Write([]byte(request)); err != nil {
			return fmt.Errorf("send: %w", err)
		}

		if err = readAnswer(reader); err != nil {
			return err
		}
	}

	return nil
}

// readAnswer reads one response without a parser's cost, so that one core's load outruns one core's server.
func readAnswer(reader *bufio.Reader) error {
	length := -1

	for line := 0; ; line++ {
		text, err := reader.ReadSlice('\n')

		switch {
		case err != nil:
			return fmt.Errorf("receive: %w", err)
		case line == 0 && !strings.Contains(string(text), " 200 "):
			return fmt.Errorf("the answer is %s", text)
		case len(text) == len("\r\n"):
			body := make([]byte, max(length, 0))
			if _, err = io.ReadFull(reader, body); err != nil {
				return fmt.Errorf("receive the body: %w", err)
			}

			if strings.TrimSpace(string(body)) != wanted {
				return fmt.Errorf("the answer is %q", body)
			}

			return nil
		}

		if value, ok := strings.CutPrefix(string(text), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return fmt.Errorf("the length is %q: %w", value, err)
			}
		}
	}
}
