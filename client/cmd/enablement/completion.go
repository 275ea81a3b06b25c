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
	commands := make([]string, 0, len(parser.Model.Children))
	flags := make(map[string][]string)
	for _, command := range parser.Model.Children {
		commands = append(commands, command.Name)
		for _, group := range command.AllFlags(true) {
			for _, flag := range group {
				flags[command.Name] = append(flags[command.Name], "--"+flag.Name)
			}
		}
	}
	switch c.Shell {
	case "fish":
		return fish(env.out, commands, flags)
	case "zsh":
		if _, err := fmt.Fprintln(env.out, "autoload -U +X bashcompinit && bashcompinit"); err != nil {
			return err
		}
	}
	return bash(env.out, commands, flags)
}

// bash writes for bash, and for zsh in bash's ways.
func bash(w io.Writer, commands []string, flags map[string][]string) error {
	var cases strings.Builder
	for _, command := range commands {
		_, _ = fmt.Fprintf(&cases, "    %s) words=%q ;;\n", command, strings.Join(flags[command], " "))
	}
	_, err := fmt.Fprintf(w, `_enablement() {
  local words=%q
  case "${COMP_WORDS[1]}" in
%s  esac
  [ "$COMP_CWORD" = 1 ] && words=%q
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _enablement enablement
`, "", cases.String(), strings.Join(commands, " ")+" --help")
	return err
}

func fish(w io.Writer, commands []string, flags map[string][]string) error {
	var out strings.Builder
	_, _ = fmt.Fprintf(&out, "complete -c enablement -n __fish_use_subcommand -f -a %q\n", strings.Join(commands, " "))
	for _, command := range commands {
		for _, flag := range flags[command] {
			_, _ = fmt.Fprintf(&out, "complete -c enablement -n '__fish_seen_subcommand_from %s' -l %s\n", command, strings.TrimPrefix(flag, "--"))
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
