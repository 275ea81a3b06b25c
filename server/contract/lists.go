package contract

import "fmt"

// distinct finds the items of a list that have the id or the key of one before. What is rejected has a type, too.
func (x *exchange) distinct(pointer, kind string, where int, list []any) {
	seen := map[string]bool{}
	for i, item := range list {
		object, _ := item.(map[string]any)
		for _, name := range []string{"id", "key"} {
			value, of := text(object, name), ""
			if kind == "RejectedItem" {
				of = text(object, "type")
			}
			if value != "" && seen[name+of+value] {
				x.find(ruleItemTwice, fmt.Sprintf("%s/%d/%s", pointer, i, name), where, "another one than the items before", value)
			}
			seen[name+of+value] = true
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
