package delivery

import (
	"context"
	"fmt"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// Schema returns the version of the queue's tables, 0 if there are none, and the version that this River knows. It
// changes nothing.
func Schema[TTx any](ctx context.Context, driver riverdriver.Driver[TTx]) (current, known int64, err error) {
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return 0, 0, err
	}
	all := migrator.AllVersions()
	known = int64(all[len(all)-1].Version)
	executor := driver.GetExecutor()
	exists, err := executor.TableExists(ctx, &riverdriver.TableExistsParams{Table: "river_migration"})
	if err != nil || !exists {
		return 0, known, err
	}
	applied, err := executor.MigrationGetByLine(ctx, &riverdriver.MigrationGetByLineParams{Line: riverdriver.MigrationLineMain})
	if err != nil {
		return 0, known, fmt.Errorf("the queue's schema: %w", err)
	}
	for _, migration := range applied {
		current = max(current, int64(migration.Version))
	}
	return current, known, nil
}
