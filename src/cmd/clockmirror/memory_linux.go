package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// releaseStartupMemory gives back the memory that only the start needed. Initialising every package of the program maps
// most of its file, and few of those pages are needed again; the kernel's page cache keeps them for those that are.
func releaseStartupMemory() error {
	debug.FreeOSMemory()

	mappings, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("list the mappings: %w", err)
	}
	defer mappings.Close()

	var start, end uint64 // of the last mapping of a file, and 0 after one of none

	for lines := bufio.NewScanner(mappings); lines.Scan(); {
		var (
			from, to, offset, inode, anonymous uint64
			access, device                     string
		)

		// A mapping is a line that says where it is and of which file, and then lines of figures, in kB.
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s %x %s %d", &from, &to, &access, &offset, &device, &inode); n == 6 { //nolint:mnd // six fields
			start, end = from, to
			if inode == 0 {
				start, end = 0, 0
			}

			continue
		}

		// A page that was ever written to is anonymous from then on, and nowhere else: its mapping stays.
		if n, _ := fmt.Sscanf(lines.Text(), "Anonymous: %d kB", &anonymous); n == 1 && anonymous == 0 && end != 0 {
			if err = drop(start, end); err != nil {
				return err
			}
		}
	}

	return nil
}

func drop(start, end uint64) error {
	if _, _, failure := unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED); failure != 0 {
		return fmt.Errorf("release memory: %w", failure)
	}

	return nil
}
