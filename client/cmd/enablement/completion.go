package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish. Bash: source <(enablement completion bash)"`
}

func (c *completionCmd) Run(parser *kong.Kong, env environment) error {
	follows := after(parser.Model.Node, "")
	switch c.Shell {
	case "fish":
		return fish(env.out, follows)
	case "zsh":
		if _, err := fmt.Fprintln(env.out, "autoload -U +X bashcompinit && bashcompinit"); err != nil {
			return err
		}
	}
	return bash(env.out, follows)
}

// next is what may follow the commands in path, such as "clients create": commands, or flags.
type next struct {
	path  string
	words []string
}

// after returns what may follow a command, and what may follow those, the longest paths first.
func after(command *kong.Node, path string) []next {
	var follows []next
	here := next{path: path}
	for _, child := range command.Children {
		follows = append(follows, after(child, strings.TrimSpace(path+" "+child.Name))...)
		here.words = append(here.words, child.Name)
	}
	for _, group := range command.AllFlags(true) {
		for _, flag := range group {
			here.words = append(here.words, "--"+flag.Name)
		}
	}
	return append(follows, here)
}

// bash writes for bash, and for zsh in bash's ways.
func bash(w io.Writer, follows []next) error {
	var cases strings.Builder
	for _, next := range follows {
		_, _ = fmt.Fprintf(&cases, "    %q*) words=%q ;;\n", strings.TrimPrefix(next.path+" ", " "), strings.Join(next.words, " "))
	}
	_, err := fmt.Fprintf(w, `_enablement() {
  local words before="${COMP_WORDS[*]:1:$((COMP_CWORD-1))} "
  case "$before" in
%s  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _enablement enablement
`, cases.String())
	return err
}

func fish(w io.Writer, follows []next) error {
	var out strings.Builder
	for _, next := range follows {
		seen := "__fish_use_subcommand"
		if next.path != "" {
			seen = "__fish_seen_subcommand_from " + strings.Join(strings.Fields(next.path), "; and __fish_seen_subcommand_from ")
		}
		var commands []string
		for _, word := range next.words {
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				_, _ = fmt.Fprintf(&out, "complete -c enablement -n '%s' -l %s\n", seen, flag)
			} else {
				commands = append(commands, word)
			}
		}
		if len(commands) > 0 {
			if next.path != "" {
				seen += "; and not __fish_seen_subcommand_from " + strings.Join(commands, " ")
			}
			_, _ = fmt.Fprintf(&out, "complete -c enablement -n '%s' -f -a %q\n", seen, strings.Join(commands, " "))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

type versionCmd struct{}

func (c *versionCmd) Run(env environment) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	_, err := fmt.Fprintf(env.out, "enablement %s (%s)\n", version, runtime.Version())
	return err
}
