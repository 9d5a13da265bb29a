package codebuild

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// Extract writes the files of a tar that match one of the patterns into a folder, and returns how many there were.
func Extract(archive io.Reader, patterns []string, to string) (int, error) {
	count := 0

	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return count, nil
		}

		if err != nil {
			return count, fmt.Errorf("unpack: %w", err)
		}

		name := path.Clean(header.Name)
		matches := func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) }

		if header.Typeflag != tar.TypeReg || !slices.ContainsFunc(patterns, matches) {
			continue
		}

		if err = write(filepath.Join(to, filepath.FromSlash(name)), reader); err != nil {
			return count, err
		}

		count++
	}
}

func write(file string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}

	target, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}

	_, err = io.Copy(target, content)

	return errors.Join(err, target.Close())
}
