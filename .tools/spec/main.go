// Command spec says what an edit of the specification means to those who use it.
//
//	spec verdict   [-oasdiff FILE] [-levels FILE] [-allowed FILE] BASE REVISION
//	spec changelog [-oasdiff FILE] [-levels FILE] [-allowed FILE] BASE REVISION
//
// It adds to oasdiff what this specification needs: notifications are compared too (oasdiff passes over
// callbacks), a change that breaks is let pass only where it was reviewed, and the version step follows.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// change is one line of oasdiff's.
type change struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	Level     int    `json:"level"`
	Operation string `json:"operation"`
	Path      string `json:"path"`
	Revision  source `json:"revisionSource"`
	Base      source `json:"baseSource"`

	reason string // why it is let pass; empty where it isn't
}

type source struct {
	Line int `json:"line"`
}

const breaking = 3 // oasdiff's level ERR

// place says where a change is, as far as oasdiff knows.
func (c change) place() string {
	switch {
	case strings.HasPrefix(c.Path, "/notifications/"):
		return "notification " + strings.TrimPrefix(c.Path, "/notifications/")
	case c.Revision.Line > 0:
		return "openapi.yaml:" + strconv.Itoa(c.Revision.Line)
	case c.Base.Line > 0:
		return "line " + strconv.Itoa(c.Base.Line) + " of the specification before"
	default:
		return "openapi.yaml"
	}
}

// advice says what to do about a change that breaks.
func (c change) advice() string {
	switch {
	case strings.Contains(c.ID, "removed"):
		return "keep it, and if it got another name, add that beside it"
	case strings.Contains(c.ID, "required"):
		return "make it optional"
	default:
		return "take it back"
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "spec:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say verdict or changelog")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	oasdiff := flags.String("oasdiff", "bin/oasdiff", "oasdiff's binary")
	levels := flags.String("levels", ".conformance/levels.txt", "severities other than oasdiff's")
	allowed := flags.String("allowed", ".conformance/allowed.txt", "breaking changes that were reviewed")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("name the specification before and after")
	}
	directory, err := os.MkdirTemp("", "spec")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	c := comparison{oasdiff: *oasdiff, directory: directory}
	if err := c.severities(*levels); err != nil {
		return err
	}
	if err := c.compare(flags.Arg(0), flags.Arg(1)); err != nil {
		return err
	}
	if err := c.review(*allowed); err != nil {
		return err
	}
	switch args[0] {
	case "verdict":
		return c.verdict()
	case "changelog":
		c.changelog()
		return nil
	default:
		return fmt.Errorf("there is no %s, only verdict and changelog", args[0])
	}
}

type comparison struct {
	oasdiff   string
	directory string // for files on their way to oasdiff

	changes []change
	before  string // info.version
	after   string
	differs bool
}

// severities copies the levels for oasdiff, which takes no comments.
func (c *comparison) severities(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	return os.WriteFile(filepath.Join(c.directory, "levels"), []byte(strings.Join(lines, "\n")), 0o600)
}

func (c *comparison) compare(base, revision string) error {
	for name, file := range map[string]*string{"base.yaml": &base, "revision.yaml": &revision} {
		var err error
		if *file, err = c.closed(*file, name); err != nil {
			return err
		}
	}
	before, err := load(base)
	if err != nil {
		return err
	}
	after, err := load(revision)
	if err != nil {
		return err
	}
	c.before, c.after = version(before), version(after)
	c.differs = !reflect.DeepEqual(before, after)

	if err := c.run(base, revision); err != nil {
		return err
	}
	for name, document := range map[string]map[string]any{"before.yaml": before, "after.yaml": after} {
		text, err := yaml.Marshal(notifications(document))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.directory, name), text, 0o600); err != nil {
			return err
		}
	}
	return c.run(filepath.Join(c.directory, "before.yaml"), filepath.Join(c.directory, "after.yaml"))
}

// closed copies a specification, line by line, with its open vocabularies as closed ones: oasdiff compares
// the values of no others.
func (c *comparison) closed(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(c.directory, name)
	return copied, os.WriteFile(copied, bytes.ReplaceAll(text, []byte("x-extensible-enum:"), []byte("enum:")), 0o600)
}

// run adds what oasdiff finds.
func (c *comparison) run(base, revision string) error {
	var stderr bytes.Buffer
	//nolint:gosec // the binary is named by whoever runs this
	command := exec.Command(c.oasdiff, "changelog", "--format", "json", "--severity-levels", filepath.Join(c.directory, "levels"), base, revision)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("oasdiff can't compare %s with %s: %w\n%s", base, revision, err, stderr.Bytes())
	}
	var changes []change
	if len(bytes.TrimSpace(out)) > 0 {
		if err := json.Unmarshal(out, &changes); err != nil {
			return fmt.Errorf("oasdiff's answer: %w", err)
		}
	}
	for _, found := range changes {
		// The first is said by the verdict. 2XX is another name of the success before it, which lint holds it to.
		if found.ID == "api-version-not-bumped" || strings.Contains(found.Text, "`2XX`") {
			continue
		}
		same := func(other change) bool {
			return other.ID == found.ID && other.Text == found.Text && other.Path == found.Path
		}
		if !slices.ContainsFunc(c.changes, same) {
			c.changes = append(c.changes, found)
		}
	}
	slices.SortStableFunc(c.changes, func(a, b change) int { return b.Level - a.Level })
	return nil
}

// review reads the reviewed changes: oasdiff's id, its text and the reason, with bars between.
func (c *comparison) review(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for number, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "|")
		if len(fields) != 3 || strings.TrimSpace(fields[2]) == "" {
			return fmt.Errorf("%s:%d is not ID | TEXT | REASON: give the change and why it may break", file, number+1)
		}
		for i := range c.changes {
			if c.changes[i].ID == strings.TrimSpace(fields[0]) && c.changes[i].Text == strings.TrimSpace(fields[1]) {
				c.changes[i].reason = strings.TrimSpace(fields[2])
			}
		}
	}
	return nil
}

func (c *comparison) verdict() error {
	var refused []change
	shown := map[string]bool{} // one edit of a shared schema is a change of every response that has it
	for _, change := range c.changes {
		switch {
		case change.Level < breaking:
			if key := change.ID + " " + change.place(); !shown[key] {
				shown[key] = true
				fmt.Printf("  compatible  %s: %s\n", change.place(), change.Text)
			}
		case change.reason != "":
			fmt.Printf("  allowed     %s: %s (%s)\n", change.place(), change.Text, change.reason)
		default:
			fmt.Printf("  BREAKING    %s: %s [%s]\n", change.place(), change.Text, change.ID)
			refused = append(refused, change)
		}
	}
	if len(refused) > 0 {
		first := refused[0]
		more := ""
		if len(refused) > 1 {
			more = fmt.Sprintf(", and %d more", len(refused)-1)
		}
		return fmt.Errorf("breaking: %s, at %s%s: %s; where it has to be, add the line "+
			"'%s | %s | your reason' to .conformance/allowed.txt and plan a major version",
			first.Text, first.place(), more, first.advice(), first.ID, first.Text)
	}
	step, next, err := c.step()
	switch {
	case err != nil:
		return err
	case step == "":
		fmt.Printf("no change: the version stays %s\n", c.before)
	case compareVersions(c.after, next) < 0:
		fmt.Printf("a %s step: info.version is %s, release this as %s or later\n", step, c.after, next)
	default:
		fmt.Printf("a %s step: from %s to %s\n", step, c.before, c.after)
	}
	return nil
}

// step returns the version step that the changes imply, and the version that it leads to. Before
// 1.0.0 what breaks is a minor step.
func (c *comparison) step() (name, next string, err error) {
	v, err := parseVersion(c.before)
	if err != nil {
		return "", "", err
	}
	if _, err := parseVersion(c.after); err != nil {
		return "", "", err
	}
	breaks := slices.ContainsFunc(c.changes, func(change change) bool { return change.Level >= breaking })
	switch {
	case breaks && v[0] > 0:
		return "major", fmt.Sprintf("%d.0.0", v[0]+1), nil
	case breaks || len(c.changes) > 0:
		return "minor", fmt.Sprintf("%d.%d.0", v[0], v[1]+1), nil
	case c.differs:
		return "patch", fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]+1), nil
	default:
		return "", c.before, nil
	}
}

// changelog writes the difference as Markdown.
func (c *comparison) changelog() {
	fmt.Printf("## From %s to %s\n", c.before, c.after)
	if len(c.changes) == 0 {
		if c.differs {
			fmt.Print("\nWords only: descriptions, examples or the like.\n")
		} else {
			fmt.Print("\nNothing changed.\n")
		}
		return
	}
	groups := []struct {
		title string
		has   func(change) bool
	}{
		{"Breaking", func(change change) bool { return change.Level >= breaking }},
		{"Compatible", func(change change) bool { return change.Level < breaking }},
	}
	for _, group := range groups {
		byPlace := map[string][]string{}
		for _, change := range c.changes {
			if group.has(change) {
				place := change.Operation + " " + change.Path
				if strings.HasPrefix(change.Path, "/notifications/") {
					place = change.place()
				}
				byPlace[place] = append(byPlace[place], change.Text)
			}
		}
		if len(byPlace) > 0 {
			fmt.Printf("\n### %s\n", group.title)
		}
		for _, place := range slices.Sorted(maps.Keys(byPlace)) {
			fmt.Printf("\n%s\n\n", place)
			for _, text := range byPlace[place] {
				fmt.Printf("- %s\n", text)
			}
		}
	}
}

func load(file string) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s is not YAML: %w", file, err)
	}
	return document, nil
}

// notifications turns callbacks round into operations whose response is what is sent: who reads it is the
// provider, to whom it is what a response is to a caller.
func notifications(document map[string]any) map[string]any {
	paths := map[string]any{}
	for _, item := range object(document["paths"]) {
		for _, operation := range object(item) {
			for name, callback := range object(object(operation)["callbacks"]) {
				for _, item := range object(callback) {
					for _, sent := range object(item) {
						paths["/notifications/"+name] = map[string]any{"get": map[string]any{
							"operationId": name,
							"responses": map[string]any{"200": map[string]any{
								"description": "What is sent.",
								"headers":     headers(document, object(sent)["parameters"]),
								"content":     object(object(sent)["requestBody"])["content"],
							}},
						}}
					}
				}
			}
		}
	}
	derived := maps.Clone(document)
	delete(derived, "security")
	derived["paths"] = paths
	return derived
}

// headers turns header parameters into a response's headers.
func headers(document map[string]any, parameters any) map[string]any {
	all := map[string]any{}
	list, _ := parameters.([]any)
	for _, entry := range list {
		parameter := object(entry)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = object(object(object(document["components"])["parameters"])[filepath.Base(ref)])
		}
		if name, ok := parameter["name"].(string); ok {
			header := maps.Clone(parameter)
			delete(header, "name")
			delete(header, "in")
			all[name] = header
		}
	}
	return all
}

func object(value any) map[string]any {
	mapping, _ := value.(map[string]any)
	return mapping
}

func version(document map[string]any) string {
	text, _ := object(document["info"])["version"].(string)
	return text
}

func parseVersion(text string) ([3]int, error) {
	var v [3]int
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return v, fmt.Errorf("info.version is %q: write it as major.minor.patch", text)
	}
	for i, part := range parts {
		number, err := strconv.Atoi(part)
		if err != nil || number < 0 {
			return v, fmt.Errorf("info.version is %q: write it as major.minor.patch", text)
		}
		v[i] = number
	}
	return v, nil
}

// compareVersions compares two versions that parse.
func compareVersions(a, b string) int {
	x, _ := parseVersion(a)
	y, _ := parseVersion(b)
	return slices.Compare(x[:], y[:])
}
