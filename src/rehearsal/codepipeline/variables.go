package codepipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// reference is how a configuration names what an earlier action found out: #{Namespace.VARIABLE}.
var reference = regexp.MustCompile(`#\{([^.{}]+)\.([^{}]+)\}`)

// Resolve puts the values of variables, by Namespace.VARIABLE, into a text. One that is not set is an error.
func Resolve(text string, variables map[string]string) (string, error) {
	var missing []string

	resolved := reference.ReplaceAllStringFunc(text, func(found string) string {
		value, known := variables[strings.TrimSuffix(strings.TrimPrefix(found, "#{"), "}")]
		if !known {
			missing = append(missing, found)
		}

		return value
	})

	if len(missing) != 0 {
		return "", fmt.Errorf("no action has set %s", strings.Join(missing, ", "))
	}

	return resolved, nil
}

// longestCustomData is the limit of an approval's CustomData: https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html.
const longestCustomData = 1000

// CheckCustomData refuses the text of an approval that is too long once its variables are resolved.
func CheckCustomData(text string) error {
	if length := len([]rune(text)); length > longestCustomData {
		return fmt.Errorf("CustomData of the approval has %d characters; the limit is %d", length, longestCustomData)
	}

	return nil
}
