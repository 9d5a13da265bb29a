package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseStartupMemory gives back the memory that only the start needed. Initialising every package of the program maps
// most of its file, and few of those pages are needed again; the kernel's page cache keeps them for those that are.
func releaseStartupMemory() error {
	debug.FreeOSMemory()

	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("list the mappings: %w", err)
	}
	defer maps.Close()

	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var (
			start, end, offset, inode uint64
			access, device, path      string
		)

		// Lines of mappings without a file have one field less; those are not ours to drop.
		if _, err = fmt.Sscanf(lines.Text(), "%x-%x %s %x %s %d %s", &start, &end, &access, &offset, &device, &inode, &path); err != nil {
			continue
		}

		if inode == 0 || strings.Contains(access, "w") {
			continue // what was written to is nowhere else
		}

		if _, _, failure := unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED); failure != 0 {
			return fmt.Errorf("release %s: %w", path, failure)
		}
	}

	if err = lines.Err(); err != nil {
		return fmt.Errorf("list the mappings: %w", err)
	}

	return nil
}
