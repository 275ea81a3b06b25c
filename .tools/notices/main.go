// Command notices writes the licences of what a program is built from, as most of them ask of whoever passes
// the program on.
//
//	notices PACKAGE      run at the top of the module
//
// Modules with the same text share it. All it reads is in Go's folder and the module cache, so that it writes
// the same everywhere.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: notices PACKAGE")
		os.Exit(2)
	}
	text, err := notices(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
	_, _ = os.Stdout.Write(text)
}

// platforms are those that the program is built for: what it is built from depends on it.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// notices returns a section for each text, with the modules that have it.
func notices(pkg string) ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	library, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	if err != nil {
		return nil, err
	}
	sharing := map[string][]string{clean(library): {"Go and its standard library"}} // text to who has it
	modules := map[string]string{}                                                  // module and version to its folder
	for _, platform := range platforms {
		if err := list(pkg, platform, modules); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		texts, err := licences(modules[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, text := range texts {
			sharing[text] = append(sharing[text], name)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s is built from Go and the modules below. The source of each module is that of its\n"+
		"version, at https://proxy.golang.org/MODULE/@v/VERSION.zip.\n", pkg)
	for _, text := range slices.SortedFunc(maps.Keys(sharing), func(a, b string) int {
		return cmp.Or(slices.Compare(sharing[a], sharing[b]), strings.Compare(a, b))
	}) {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(sharing[text], "\n"), text)
	}
	return out.Bytes(), nil
}

// clean makes texts alike that differ in how their lines end.
func clean(text []byte) string {
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
}

// list adds the modules whose packages the program needs on a platform.
func list(pkg, platform string, modules map[string]string) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	command := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", pkg)
	command.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			modules[name] = dir
		}
	}
	return nil
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|copyright)([.-].*)?$`)

// licences returns what a module's folder says of its licence, and what the folders of code in it say that
// was taken from elsewhere.
func licences(dir string) (texts []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || !licenceName.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if one := clean(text); !slices.Contains(texts, one) {
			texts = append(texts, one)
		}
		return nil
	})
	if err == nil && len(texts) == 0 {
		err = errors.New("there is no licence in its folder")
	}
	return texts, err
}
