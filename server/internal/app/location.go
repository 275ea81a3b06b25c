package app

import (
	"regexp"
	"strings"
)

// isPostgres tells whether a database's location is a URL; any other is the path of an SQLite file.
func isPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

var (
	// scheme is how URLs begin, and what SQLite takes for one or for no file, such as :memory:.
	scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)?:|://`)
	// keyword is of the other form in which PostgreSQL's tools take a location.
	keyword = regexp.MustCompile(`(?i)(^|\s)(host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)
)

// checkLocation refuses what looks like a location of another kind. SQLite would take most of it for a file's
// name, some for a database in memory, which is another one for each connection. No message repeats it: a
// password can be in it.
func checkLocation(location string) error {
	const want = "write the path of a file, such as /var/lib/enablementd/enablement.db, or a URL such as postgres://localhost/name, which takes user and password before the host"
	switch {
	case isPostgres(location):
		return nil
	case strings.TrimSpace(location) == "":
		return configErrorf("--db: is empty; %s", want)
	case strings.ContainsRune(location, 0):
		return configErrorf("--db: has a zero byte; %s", want)
	case strings.Contains(strings.ToLower(location), ":memory:"), strings.Contains(location, "mode=memory"):
		return configErrorf("--db: a database in memory would be gone with the process, and is another one for each connection; %s", want)
	case scheme.MatchString(location):
		return configErrorf("--db: is a URL of a kind that is not known here; %s", want)
	case keyword.MatchString(location):
		return configErrorf("--db: is a list of parameters; %s", want)
	case strings.Contains(location, "?"):
		return configErrorf("--db: parameters go with a URL only; %s", want)
	}
	return nil
}
