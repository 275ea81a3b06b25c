package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// methods are those of an implementation that serve an operation, by their names.
type methods map[string]reflect.Value

// methodsOf finds the methods of whole, the interface of all operations, that impl has. A method that
// can't be meant otherwise than for an operation, but is of another name or signature, is an error.
func methodsOf(impl any, whole reflect.Type) (methods, error) {
	if isNil(impl) {
		return nil, errors.New("the implementation is nil")
	}
	requests := map[reflect.Type]string{}
	for operation := range whole.Methods() {
		requests[operation.Type.In(1)] = operation.Name
	}
	value, found := reflect.ValueOf(impl), methods{}
	all := value.Type()
	if all.Kind() != reflect.Pointer {
		all = reflect.PointerTo(all) // it has the methods of both
	}
	for method := range all.Methods() {
		operation, known := whole.MethodByName(method.Name)
		switch bound := value.MethodByName(method.Name); {
		case known && !bound.IsValid():
			return nil, fmt.Errorf("%T has no method %s, but a pointer to it does", impl, method.Name)
		case known && bound.Type() != operation.Type:
			return nil, fmt.Errorf("method %s of %T is a %s, and should be a %s", method.Name, impl, bound.Type(), operation.Type)
		case known:
			found[method.Name] = bound
		default:
			for in := range method.Type.Ins() {
				if name := requests[in]; name != "" {
					return nil, fmt.Errorf("method %s of %T takes a request of %s, which no operation of that name does", method.Name, impl, name)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%T has the method of no operation", impl)
	}
	return found, nil
}

// isNil tells whether there is no value, or one of a type that is nil, of which every call would panic.
func isNil(value any) bool {
	v := reflect.ValueOf(value)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// serve tells whether there is a method for the operation. The generator makes the method's name of
// the operation's id by changing the case of letters and leaving out what is between words.
func (m methods) serve(id string) bool {
	id = strings.NewReplacer("-", "", "_", "", ".", "").Replace(id)
	for name := range m {
		if strings.EqualFold(name, id) {
			return true
		}
	}
	return false
}

// call is a generated middleware that calls the method in place of the generated code, which can't
// where there is no implementation of the whole.
func (m methods) call(_ api.StrictHandlerFunc, operation string) api.StrictHandlerFunc {
	return func(ctx context.Context, _ http.ResponseWriter, _ *http.Request, request any) (any, error) {
		returned := m[operation].Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})
		err, _ := returned[1].Interface().(error)
		return returned[0].Interface(), err
	}
}
