package infra_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/ecr"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What runs, what ran before, and what refers to either is never expired, whatever is pushed; the rest is, at some time.
func TestLifecycle(t *testing.T) {
	t.Parallel()

	registry := newStack(t, "ecr", testkit.Emulator(t, "infra").Environment(os.Environ()), required("ecr")...)
	registry.keepStateInFile(t)
	registry.init(t)

	_, plan := registry.plan(t)
	policy, err := ecr.ParsePolicy(plannedString(t, plan, "aws_ecr_lifecycle_policy.this", "policy"))
	require.NoError(t, err)

	t.Run("what runs outlives 500 pushes that were never deployed", func(t *testing.T) {
		t.Parallel()

		history := newHistory(policy)
		history.push(t)
		history.deploy()

		for range 500 {
			history.push(t)
		}

		assert.Less(t, len(history.images), 500, "nothing is ever expired")
	})

	t.Run("an image that was rolled back to outlives 500 pushes that were never deployed", func(t *testing.T) {
		t.Parallel()

		history := newHistory(policy)

		for range 30 {
			history.push(t)
			history.deploy()
		}

		history.rollBack(t, 10)

		for range 500 {
			history.push(t)
		}
	})

	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("made-up history %d", seed), func(t *testing.T) {
			t.Parallel()

			random := rand.New(rand.NewPCG(seed, 0))
			history := newHistory(policy)
			history.push(t)
			history.deploy()

			for range 400 {
				switch random.IntN(4) {
				case 0:
					history.push(t)
				case 1, 2:
					history.push(t)
					history.deploy()
				case 3:
					history.rollBack(t, 1+random.IntN(3))
				}

				history.require(t)
			}
		})
	}
}

// canGoBack is how many of the images that ran last the README promises to keep.
const canGoBack = 10

// history is what happens to a repository: each step of the pipeline, and after it everything that the policy expires.
type history struct {
	policy ecr.Policy
	images []ecr.Image
	pushed int
	now    time.Time
	ran    []string // newest last, each once
}

func newHistory(policy ecr.Policy) *history {
	return &history{policy: policy, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// push is DeployECR: keep-running marks what runs, then push-image pushes an image, and sign-image its bill of materials and its signature.
func (h *history) push(t *testing.T) {
	t.Helper()

	h.now = h.now.Add(8 * time.Hour)
	h.pushed++

	h.keepRunning(t)

	digest := fmt.Sprintf("image-%d", h.pushed)
	h.images = append(h.images, ecr.Image{Digest: digest, Tags: []string{fmt.Sprintf("commit-%d", h.pushed)}, Pushed: h.now})

	for _, artifact := range []string{"sbom", "provenance", "signature"} {
		h.images = append(h.images, ecr.Image{Digest: artifact + "-of-" + digest, Subject: digest, Pushed: h.now})
	}

	h.require(t)
}

// keepRunning marks what runs.
func (h *history) keepRunning(t *testing.T) {
	t.Helper()

	if len(h.ran) == 0 {
		return
	}

	running := h.ran[len(h.ran)-1]
	i := slices.IndexFunc(h.images, func(image ecr.Image) bool { return image.Digest == running })
	require.GreaterOrEqual(t, i, 0, "what runs is gone")

	if mark := "deployed-" + running; !slices.Contains(h.images[i].Tags, mark) {
		h.images[i].Tags = append(h.images[i].Tags, mark)
	}
}

// deploy has the newest image run.
func (h *history) deploy() { h.run(fmt.Sprintf("image-%d", h.pushed)) }

// rollBack is `make roll-back`: it marks the image that is left, and has the one run that ran so many images ago.
func (h *history) rollBack(t *testing.T, ago int) {
	t.Helper()

	h.keepRunning(t)
	h.run(h.ran[max(0, len(h.ran)-1-ago)])
}

func (h *history) run(digest string) {
	h.ran = append(slices.DeleteFunc(h.ran, func(other string) bool { return other == digest }), digest)
}

// require expires what the policy expires, and looks for what has to be there.
func (h *history) require(t *testing.T) {
	t.Helper()

	expired := h.policy.Expired(h.images, h.now)

	for _, digest := range h.ran[max(0, len(h.ran)-1-canGoBack):] {
		for _, needed := range []string{digest, "sbom-of-" + digest, "provenance-of-" + digest, "signature-of-" + digest} {
			require.False(t, slices.Contains(expired, needed), "%s is expired after %d pushes, of %v", needed, h.pushed, h.ran)
		}
	}

	h.images = slices.DeleteFunc(h.images, func(image ecr.Image) bool { return slices.Contains(expired, image.Digest) })
}

// planned are the values of a resource that a plan makes.
func planned(t *testing.T, plan *tfjson.Plan, address string) map[string]any {
	t.Helper()

	for _, change := range plan.ResourceChanges {
		if change.Address == address {
			values, ok := change.Change.After.(map[string]any)
			require.True(t, ok, "%s has no values", address)

			return values
		}
	}

	require.Fail(t, "nothing is planned", address)

	return nil
}

func plannedString(t *testing.T, plan *tfjson.Plan, address, attribute string) string {
	t.Helper()

	value, ok := planned(t, plan, address)[attribute].(string)
	require.True(t, ok, "%s has no %s", address, attribute)

	return value
}
