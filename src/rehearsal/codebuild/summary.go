package codebuild

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// plan is how Terraform sums up a plan.
var plan = regexp.MustCompile(`(?m)^(?:Plan: (.+)\.|(No changes)\..*)$`)

// Summary says in a few words what a build did: coverage, what Terraform planned, the size of the artifact, what it exports.
// printed is what it printed, without colours.
func (b *Build) Summary(printed string, exported map[string]string) string {
	var words []string

	if coverage, err := b.coverage(); err == nil {
		words = append(words, fmt.Sprintf("coverage %.0f %%", coverage))
	}

	if found := plan.FindAllStringSubmatch(printed, -1); found != nil {
		last := found[len(found)-1]
		words = append(words, "plan: "+strings.ToLower(last[1]+last[2]))
	}

	if size := sizeOf(b.Artifact); size > megabyte/10 {
		words = append(words, fmt.Sprintf("%.1f MB", float64(size)/megabyte))
	}

	for _, name := range b.Spec.Env.ExportedVariables {
		if value := exported[name]; value != "" {
			words = append(words, shorten(value))
		}
	}

	return strings.Join(words, "  ")
}

const megabyte = 1e6

// digest is the checksum of an image.
var digest = regexp.MustCompile(`^(.*)sha256:([0-9a-f]{12})[0-9a-f]{52}$`)

// shorten leaves as much of an image's name as people look at.
func shorten(text string) string {
	parts := digest.FindStringSubmatch(text)
	if parts == nil {
		return text
	}

	if parts[1] != "" {
		parts[1] = "…@"
	}

	return parts[1] + "sha256:" + parts[2] + "…"
}

func sizeOf(folder string) (total int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}

		return nil
	})

	return total
}

// coverage is the share of statements that a report of this build says was covered, in percent.
func (b *Build) coverage() (float64, error) {
	const percent = 100

	for name, report := range b.Spec.Reports {
		if report.FileFormat != "COBERTURAXML" {
			continue
		}

		files, err := filepath.Glob(filepath.Join(b.Report(name), "*"))
		if err != nil || len(files) == 0 {
			continue
		}

		content, err := os.ReadFile(files[0])
		if err != nil {
			return 0, fmt.Errorf("read the coverage: %w", err)
		}

		var document struct {
			Rate float64 `xml:"line-rate,attr"`
		}

		if err = xml.Unmarshal(content, &document); err != nil {
			return 0, fmt.Errorf("read the coverage: %w", err)
		}

		return document.Rate * percent, nil
	}

	return 0, errors.New("there is no report of coverage")
}
