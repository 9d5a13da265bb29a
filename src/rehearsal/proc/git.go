package proc

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// Git returns a git command that is yet to run in a folder, isolated from the user's Git configuration and from the repository
// of a hook that this may run in. It works in repositories of other users too, as CI has them.
func Git(ctx context.Context, folder string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*"}, arguments...)...)
	command.Dir = folder

	command.Env = append(WithoutGit(os.Environ()),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	)

	return command
}

// WithoutGit returns an environment without Git's variables, by which Git tells a hook where its repository is.
func WithoutGit(environ []string) []string {
	kept := make([]string, 0, len(environ))

	for _, variable := range environ {
		if !strings.HasPrefix(variable, "GIT_") {
			kept = append(kept, variable)
		}
	}

	return kept
}
