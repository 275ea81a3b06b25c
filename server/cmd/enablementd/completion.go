package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish. Bash: source <(enablementd completion bash)"`
}

// Run prints a script with the words that may follow each command.
func (c *completionCmd) Run(parsed *kong.Context, std streams) error {
	var out strings.Builder
	if c.Shell == "zsh" {
		out.WriteString("autoload -U +X bashcompinit && bashcompinit\n")
	}
	write := bashWords
	if c.Shell == "fish" {
		write = fishWords
	}
	write(&out, parsed.Model.Node)
	_, err := fmt.Fprint(std.out, out.String())
	return err
}

// each calls f with every command, those below a command before it, and with the words that may follow.
func each(node *kong.Node, path []string, f func(path, commands, flags []string)) {
	var commands, flags []string
	for _, child := range node.Children {
		commands = append(commands, child.Name)
		each(child, append(path[:len(path):len(path)], child.Name), f)
	}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			flags = append(flags, "--"+flag.Name)
		}
	}
	f(path, commands, flags)
}

// bashWords writes for bash, and for zsh in bash's ways.
func bashWords(out *strings.Builder, root *kong.Node) {
	out.WriteString("_enablementd() {\n  local words\n  case \"${COMP_WORDS[*]:1:$((COMP_CWORD-1))} \" in\n")
	each(root, nil, func(path, commands, flags []string) {
		pattern := strings.Join(path, `\ `) + `\ *`
		if len(path) == 0 {
			pattern = "*"
		}
		_, _ = fmt.Fprintf(out, "    %s) words=%q ;;\n", pattern, strings.Join(append(commands, flags...), " "))
	})
	out.WriteString("  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n" +
		"complete -o default -F _enablementd enablementd\n")
}

func fishWords(out *strings.Builder, root *kong.Node) {
	each(root, nil, func(path, commands, flags []string) {
		condition := "__fish_use_subcommand"
		if len(path) > 0 {
			condition = "__fish_seen_subcommand_from " + strings.Join(path, "; and __fish_seen_subcommand_from ")
		}
		if len(commands) > 0 {
			none := condition
			if len(path) > 0 {
				none += "; and not __fish_seen_subcommand_from " + strings.Join(commands, " ")
			}
			_, _ = fmt.Fprintf(out, "complete -c enablementd -n %q -f -a %q\n", none, strings.Join(commands, " "))
		}
		for _, flag := range flags {
			_, _ = fmt.Fprintf(out, "complete -c enablementd -n %q -l %s\n", condition, strings.TrimPrefix(flag, "--"))
		}
	})
}
