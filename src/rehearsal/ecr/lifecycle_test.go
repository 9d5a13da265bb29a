package ecr_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/ecr"
)

// The examples of AWS's documentation, and what it says about rules that overlap.
func TestExpired(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	day := func(days int) time.Time { return now.AddDate(0, 0, -days) }

	for _, row := range []struct {
		name   string
		rules  string
		images []ecr.Image
		want   []string
	}{
		{
			"images are counted from the youngest, in whatever order they are listed",
			`{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}`,
			[]ecr.Image{{Digest: "old", Pushed: day(2)}, {Digest: "new", Pushed: day(1)}, {Digest: "older", Pushed: day(3)}},
			[]string{"older", "old"},
		},
		{
			"an image older than the days given is expired",
			`{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 2}, "action": {"type": "expire"}}`,
			[]ecr.Image{{Digest: "old", Pushed: day(3)}, {Digest: "tagged", Tags: []string{"a"}, Pushed: day(3)}, {Digest: "new", Pushed: day(2)}},
			[]string{"old"},
		},
		{
			"an image has to fit every pattern of a rule",
			`{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["alpha*", "beta*"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}, "action": {"type": "expire"}}`,
			[]ecr.Image{{Digest: "both", Tags: []string{"alpha-1", "beta-1"}, Pushed: day(3)}, {Digest: "one", Tags: []string{"alpha-2"}, Pushed: day(3)}},
			[]string{"both"},
		},
		{
			"an image that fits a rule is not expired by a later rule, but counts there",
			`{"rulePriority": 2, "selection": {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": 2}, "action": {"type": "expire"}},
			 {"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["keep-*"], "countType": "imageCountMoreThan", "countNumber": 9}, "action": {"type": "expire"}}`,
			[]ecr.Image{
				{Digest: "kept", Tags: []string{"a", "keep-a"}, Pushed: day(9)},
				{Digest: "b", Tags: []string{"b"}, Pushed: day(3)},
				{Digest: "c", Tags: []string{"keep-c"}, Pushed: day(2)},
				{Digest: "d", Tags: []string{"d"}, Pushed: day(1)},
			},
			[]string{"b"},
		},
		{
			"a member of a kept list stays, and what refers to an expired image goes with it",
			`{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}, "action": {"type": "expire"}}`,
			[]ecr.Image{
				{Digest: "list", Tags: []string{"a"}, Members: []string{"amd64"}, Pushed: day(9)},
				{Digest: "amd64", Pushed: day(9)},
				{Digest: "left", Pushed: day(8)},
				{Digest: "signature", Subject: "left", Tags: []string{"s"}, Pushed: day(7)},
			},
			[]string{"left", "signature"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			policy, err := ecr.ParsePolicy(`{"rules": [` + row.rules + `]}`)
			require.NoError(t, err)
			assert.Equal(t, row.want, policy.Expired(row.images, now))
		})
	}
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()

	const untagged = `{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}}`

	for name, document := range map[string]string{
		"no document":                      `[]`,
		"one priority twice":               `{"rules": [` + untagged + `, ` + untagged + `]}`,
		"a rule after the one for any":     `{"rules": [` + untagged + `, {"rulePriority": 0, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}}]}`,
		"tagged without a pattern":         `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1}}]}`,
		"five wildcards":                   `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["*a*b*c*d*"], "countType": "imageCountMoreThan", "countNumber": 1}}]}`,
		"an age without its unit":          `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 1}}]}`,
		"a count with a unit":              `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countUnit": "days", "countNumber": 1}}]}`,
		"a count of none":                  `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 0}}]}`,
		"patterns for images without tags": `{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "tagPatternList": ["a"], "countType": "imageCountMoreThan", "countNumber": 1}}]}`,
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()

			_, err := ecr.ParsePolicy(document)
			require.Error(t, err)
		})
	}
}
