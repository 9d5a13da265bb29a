// Command rehearse takes a commit through the delivery pipeline on this machine, and ends with the service answering through a
// load balancer. `make rehearse` runs it.
//
//	rehearse [-repository FOLDER] [-pushed-to BRANCH] [-since COMMIT] [COMMIT]
//
// COMMIT is HEAD unless given. With -pushed-to, the pipeline starts only if its trigger says so, as on a push. FROM and UNTIL in the
// environment name the first and the last stage, or ONLY one stage or action; what that needs of earlier ones is taken from the last run of the
// same commit. With COLD=1, no cache is used.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)

	switch {
	case err == nil:
	case errors.Is(err, codepipeline.ErrRed):
		os.Exit(1) //nolint:gocritic // there is nothing left to stop
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "rehearse: interrupted; nothing runs any more")
		os.Exit(1)
	default:
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(os.Stderr, "rehearse:", strings.TrimSpace(line))
		}

		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, stdin io.Reader, stdout io.Writer) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}

	options := rehearsal.Options{Root: root, Repository: root, Commit: "HEAD", Cold: os.Getenv("COLD") != "", Progress: stdout, Approve: approver(stdin, stdout)}
	if file, ok := stdout.(*os.File); ok {
		options.Live = isatty.IsTerminal(file.Fd())
	}

	flags := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	branch := flags.String("pushed-to", "", "the branch that was pushed to; empty: the pipeline is started by hand")
	since := flags.String("since", "", "the commit that the branch was at before the push; empty or zeros: it is new")
	flags.StringVar(&options.Repository, "repository", root, "the Git repository that has the commit")

	if err = flags.Parse(arguments); err != nil {
		return err
	}

	if flags.NArg() > 0 {
		options.Commit = flags.Arg(0)
	}

	began := time.Now()
	page := ""

	environment, err := rehearsal.Start(ctx, options)
	if err != nil {
		return err
	}

	defer func() {
		err = errors.Join(err, environment.Stop(ctx))

		fmt.Fprintf(stdout, "%.0f s in all; logs are in %s\n", time.Since(began).Seconds(), environment.Logs())

		if page != "" {
			fmt.Fprintln(stdout, "what happened, as a page: file://"+page)
		}
	}()

	commit, err := environment.Take(ctx, options.Repository, options.Commit)
	if err != nil {
		return err
	}

	if *branch != "" {
		if started, err := environment.Starts(ctx, *branch, *since, commit); err != nil || !started {
			return err
		}
	}

	page, err = rehearse(ctx, environment, commit, stdout)

	return err
}

// rehearse takes a commit through the part of the pipeline that the environment names, and returns the page that says how it went.
func rehearse(ctx context.Context, environment *rehearsal.Environment, commit string, stdout io.Writer) (page string, err error) {
	part := codepipeline.Part{From: os.Getenv("FROM"), Until: os.Getenv("UNTIL"), Only: os.Getenv("ONLY")}

	execution, err := environment.Run(ctx, commit, part)
	if execution != nil && ctx.Err() == nil {
		var failure error

		page, failure = environment.Report(ctx, execution)
		err = errors.Join(err, failure)
	}

	if err != nil || part.Until != "" || part.Only != "" {
		return page, err
	}

	return page, ask(ctx, environment.Client(), environment.URL()+"/clock?mirror_time=12:22", stdout)
}

// approver asks a person at the terminal. Without a terminal it is nil: no one can approve.
func approver(stdin io.Reader, stdout io.Writer) func(context.Context, string) (bool, error) {
	if file, ok := stdin.(*os.File); !ok || !isatty.IsTerminal(file.Fd()) {
		return nil
	}

	return func(ctx context.Context, question string) (bool, error) {
		fmt.Fprintf(stdout, "%s [y/N] ", question)

		answers := make(chan string, 1)

		go func() {
			line, _ := bufio.NewReader(stdin).ReadString('\n')
			answers <- strings.ToLower(strings.TrimSpace(line))
		}()

		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case answer := <-answers:
			return answer == "y" || answer == "yes", nil
		}
	}
}

// ask shows what the service answers at the end.
func ask(ctx context.Context, client *http.Client, url string, stdout io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}

	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}

	defer func() { _ = response.Body.Close() }()

	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the service's answer: %w", err)
	}

	fmt.Fprintf(stdout, "%s → %s %s\n", url, response.Status, body)

	if response.StatusCode != http.StatusOK {
		return errors.New("the service does not answer 200")
	}

	return nil
}
