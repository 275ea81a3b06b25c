package httpapi

import (
	"encoding/json"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/oapi-codegen/runtime"
)

// Codec has the generated code read bodies with the reader of JSON that [api.DecodeJSON] has: it takes a third of the
// time of encoding/json. A program sets it with [runtime.SetJSONCodec]. That holds for the whole process, so a library
// must not.
type Codec struct{ runtime.StdJSONCodec }

// Unmarshal implements [runtime.JSONCodec].
func (Codec) Unmarshal(data []byte, v any) error { return jsonv2.Unmarshal(data, v) }

// UnmarshalRead implements [runtime.StreamingJSONCodec].
func (Codec) UnmarshalRead(r io.Reader, v any) error { return jsonv2.UnmarshalRead(r, v) }

// MarshalWrite implements [runtime.StreamingJSONCodec].
func (Codec) MarshalWrite(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
