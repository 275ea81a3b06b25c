package contract

import "fmt"

// distinct finds the items of a list that have the id or the key of one before. What is rejected can have the key of
// something else that is.
func (x *exchange) distinct(pointer, kind string, where int, list []any) {
	if kind == "RejectedItem" {
		return
	}
	seen := map[string]bool{}
	for i, item := range list {
		object, _ := item.(map[string]any)
		for _, name := range []string{"id", "key"} {
			value := text(object, name)
			if value != "" && seen[name+value] {
				x.find(ruleItemTwice, fmt.Sprintf("%s/%d/%s", pointer, i, name), where, "another one than the items before", value)
			}
			seen[name+value] = true
		}
	}
}

// fulfils are the fields that tell what a missing requirement is satisfied by.
var fulfils = map[string]string{"DocumentRequirement": "valid_documents", "DataRequirement": "fields"}

// satisfiable finds a missing requirement that nothing satisfies.
func (x *exchange) satisfiable(pointer, kind string, where int, fields map[string]any) {
	name := fulfils[kind]
	if list, ok := fields[name].([]any); ok && len(list) == 0 {
		x.find(ruleUnsatisfiable, pointer+"/"+name, where, "at least one item", nil)
	}
}
