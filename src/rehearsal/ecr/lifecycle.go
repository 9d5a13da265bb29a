// Package ecr decides what a lifecycle policy of Amazon ECR expires.
package ecr

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Image is a manifest in a repository: a container image, a list of images, or an artifact that refers to an image.
type Image struct {
	Digest string
	Tags   []string
	Pushed time.Time
	// Members are the digests in a list of images. A member can't be deleted before the list is.
	Members []string
	// Subject is the digest that an artifact refers to, such as a signature to its image.
	Subject string
}

// Policy is a lifecycle policy document.
type Policy struct {
	Rules []Rule `json:"rules"`
}

// Rule is one rule of a policy; the rule with the smallest priority is applied first.
type Rule struct {
	Priority  int       `json:"rulePriority"`
	Selection Selection `json:"selection"`
	Action    Action    `json:"action"`
}

// Selection says which images a rule is about, and which of them it expires.
type Selection struct {
	TagStatus   string   `json:"tagStatus"`
	TagPatterns []string `json:"tagPatternList"`
	CountType   string   `json:"countType"`
	CountUnit   string   `json:"countUnit"`
	Count       int      `json:"countNumber"`
}

// Action is what happens to the images that a rule selects.
type Action struct {
	Type string `json:"type"`
}

var errPolicy = errors.New("lifecycle policy")

// ParsePolicy reads a policy document and refuses what ECR refuses.
func ParsePolicy(document string) (Policy, error) {
	decoder := json.NewDecoder(strings.NewReader(document))

	var policy Policy
	if err := decoder.Decode(&policy); err != nil {
		return Policy{}, fmt.Errorf("read lifecycle policy: %w", err)
	}

	slices.SortFunc(policy.Rules, func(a, b Rule) int { return a.Priority - b.Priority })

	for i, rule := range policy.Rules {
		if i > 0 && policy.Rules[i-1].Priority == rule.Priority {
			return Policy{}, fmt.Errorf("%w: two rules have the priority %d", errPolicy, rule.Priority)
		}

		if rule.Selection.TagStatus == "any" && i < len(policy.Rules)-1 {
			return Policy{}, fmt.Errorf("%w: the rule for any image has to be the last one", errPolicy)
		}

		if err := rule.Selection.check(); err != nil {
			return Policy{}, fmt.Errorf("%w: rule %d: %w", errPolicy, rule.Priority, err)
		}
	}

	return policy, nil
}

// maxWildcards is how many * ECR accepts in one pattern.
const maxWildcards = 4

var (
	errPatterns  = errors.New("patterns belong to tagStatus tagged, which needs at least one")
	errWildcards = errors.New("a pattern has more than four wildcards")
	errCount     = errors.New("countType and countUnit do not fit")
)

func (s Selection) check() error {
	if (s.TagStatus == "tagged") != (len(s.TagPatterns) > 0) {
		return errPatterns
	}

	for _, pattern := range s.TagPatterns {
		if strings.Count(pattern, "*") > maxWildcards {
			return errWildcards
		}
	}

	switch {
	case s.CountType == "imageCountMoreThan" && s.CountUnit == "" && s.Count > 0:
	case s.CountType == "sinceImagePushed" && s.CountUnit == "days" && s.Count > 0:
	default:
		return errCount
	}

	return nil
}

// Expired are the digests that the policy expires, oldest first. Every rule sees all images, expired or not. An image that fits a
// rule's tags is never expired by a later rule. What refers to an expired image goes with it.
//
// Whether ECR counts an artifact without a tag as untagged is not documented, so it does here: it is the worse case.
func (p Policy) Expired(images []Image, now time.Time) []string {
	youngest := slices.Clone(images)
	slices.SortStableFunc(youngest, func(a, b Image) int { return b.Pushed.Compare(a.Pushed) })

	expired, decided := map[string]bool{}, map[string]bool{}

	for _, rule := range p.Rules {
		var fitting []Image

		patterns := rule.Selection.compile()

		for _, image := range youngest {
			if rule.Selection.fits(image, patterns) {
				fitting = append(fitting, image)
			}
		}

		for i, image := range fitting {
			if !decided[image.Digest] && rule.Selection.exceeded(i, image, now) {
				expired[image.Digest] = true
			}

			decided[image.Digest] = true
		}
	}

	keepMembers(images, expired)
	expireReferrers(images, expired)

	var digests []string

	for _, image := range slices.Backward(youngest) {
		if expired[image.Digest] {
			digests = append(digests, image.Digest)
		}
	}

	return digests
}

// compile returns the rule's patterns as regular expressions.
func (s Selection) compile() []*regexp.Regexp {
	patterns := make([]*regexp.Regexp, 0, len(s.TagPatterns))
	for _, pattern := range s.TagPatterns {
		patterns = append(patterns, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")+"$"))
	}

	return patterns
}

// fits says whether an image has the tags that the rule is about: for each pattern at least one.
func (s Selection) fits(image Image, patterns []*regexp.Regexp) bool {
	switch s.TagStatus {
	case "any":
		return true
	case "untagged":
		return len(image.Tags) == 0
	}

	for _, pattern := range patterns {
		if !slices.ContainsFunc(image.Tags, pattern.MatchString) {
			return false
		}
	}

	return true
}

// exceeded says whether the image, of which so many younger ones fit the rule too, is one too many or too old.
func (s Selection) exceeded(younger int, image Image, now time.Time) bool {
	if s.CountType == "imageCountMoreThan" {
		return younger >= s.Count
	}

	return now.Sub(image.Pushed) > time.Duration(s.Count)*24*time.Hour
}

func keepMembers(images []Image, expired map[string]bool) {
	for _, image := range images {
		if expired[image.Digest] {
			continue
		}

		for _, member := range image.Members {
			delete(expired, member)
		}
	}
}

func expireReferrers(images []Image, expired map[string]bool) {
	for changed := true; changed; {
		changed = false

		for _, image := range images {
			if image.Subject != "" && expired[image.Subject] && !expired[image.Digest] {
				expired[image.Digest], changed = true, true
			}
		}
	}
}
