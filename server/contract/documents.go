package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// pixel is a PNG of one pixel in base64. It has padding.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="

// document is what is sent of one.
type document map[string]any

// passport is a call with a good document, changed by edits.
func passport(edits ...func(document)) func(*runner) call {
	return func(r *runner) call {
		d := document{"document_type": "passport", "image_front": "data:image/png;base64," + pixel, "metadata": map[string]any{
			"number": "AAA000111", "issuing_country": "ARG", "expiration_date": "2099-12-31",
		}}
		for _, edit := range edits {
			edit(d)
		}
		return call{Subject: r.at, body: map[string]any{"document": d}}
	}
}

func has(field string, value any) func(document) { return func(d document) { d[field] = value } }

func front(written string) func(document) { return has("image_front", written) }

// photo has the bytes of a photo be of this kind.
func photo(kind string) func(document) {
	return func(d document) { d["image_front"] = base64.StdEncoding.EncodeToString(photos[kind]()) }
}

func metadata(field, value string) func(document) {
	return func(d document) { d["metadata"].(map[string]any)[field] = value }
}

var replacing = has("replace", true)

// photos are those that only their bytes tell about.
var photos = map[string]func() []byte{
	"JPEG": func() []byte {
		var written bytes.Buffer
		_ = jpeg.Encode(&written, image.NewGray(image.Rect(0, 0, 1, 1)), nil) // a Buffer takes everything
		return written.Bytes()
	},
	"PDF":           func() []byte { return []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n") },
	"text":          func() []byte { return []byte("This is a photo.") },
	"truncated PNG": func() []byte { return png()[:45] },
	"PNG of 50,000 by 50,000 pixels": func() []byte {
		large := png()
		binary.BigEndian.PutUint32(large[16:], 50_000)
		binary.BigEndian.PutUint32(large[20:], 50_000)
		binary.BigEndian.PutUint32(large[29:], crc32.ChecksumIEEE(large[12:29]))
		return large
	},
	"PNG of 10 MiB and a byte": func() []byte { return append(png(), make([]byte, 10<<20+1-len(png()))...) },
}

func png() []byte {
	content, _ := base64.StdEncoding.DecodeString(pixel) // it is a constant
	return content
}

// passportMissing expects that a passport is among what would do, or that it is not.
func passportMissing(want bool) func(*answer) { return missing("passport", "id", "passport", want) }

// adds is a document that is stored. The status is submit's to change.
func adds(words string, edits ...func(document)) Step {
	return does("completeDocumentation", words, 200, "", "still pending, without rejected items and a missing passport", passport(edits...), pending, passportMissing(false), nothingRejected)
}

func nothingRejected(a *answer) {
	if items, ok := a.object()["rejected_items"].([]any); !ok || len(items) > 0 {
		a.unexpected("/rejected_items", "an empty list")
	}
}

// refuses is a document that is not stored, and says why. A passport is missing as before.
func refuses(words, kind string, stillMissing bool, edits ...func(document)) Step {
	return does("completeDocumentation", words, 200, "", "a rejected "+kind+", and nothing else is changed", passport(edits...), pending, rejected(api.RejectedDocument, kind), passportMissing(stillMissing)).
		showing("RejectedItemType document")
}

// rejected expects an item of this type and key among the rejected ones, with a reason.
func rejected(kind api.RejectedItemType, key string) func(*answer) {
	return func(a *answer) {
		items, _ := a.object()["rejected_items"].([]any)
		for _, item := range items {
			if item, ok := item.(map[string]any); ok && text(item, "type") == string(kind) && text(item, "key") == key && text(item, "reason") != "" {
				return
			}
		}
		a.unexpected("/rejected_items", "an item of the type "+string(kind)+" and the key "+key+", with a reason")
	}
}

// refused are documents of one kind each, of which none is stored.
func refused(steps ...Step) []Step {
	steps = append([]Step{create(), request(api.CardsIndividuals)}, steps...)
	return append(steps,
		does("listProducts", "list its products", 200, "", "the passport is missing", here, passportMissing(true)),
		does("submitProduct", "submit it", 200, "", "pending_documentation, the passport is missing", here, pending, passportMissing(true), nothingRejected))
}

var documented = []Case{
	{
		Name: "document added", SetUp: "nothing", Steps: []Step{
			create(noPhone), request(api.CardsIndividuals), adds("add a passport"),
			does("listProducts", "list its products", 200, "", "the passport is not missing, the phone number is", here, passportMissing(false), phoneMissing(true)),
			does("submitProduct", "submit it", 200, "", "pending_documentation, the passport is not missing, the phone number is", here, pending, passportMissing(false), phoneMissing(true), nothingRejected),
		},
	},
	{
		Name: "document added under a key at once", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), underAtOnce("completeDocumentation", "add a passport", 200, passport()),
		},
	},
	{
		Name: "document added under a key", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals),
			does("completeDocumentation", "add a passport with an Idempotency-Key", 200, "", "", under(passport())),
			does("completeDocumentation", "the same call", 200, "", "the same bytes", under(passport()), sameBytes(2)),
			does("completeDocumentation", "another document with the same Idempotency-Key", 422, api.CodeIdempotencyMismatch, "", under(passport(metadata("number", "BBB000222")))),
		},
	},
	{
		Name: "document replaced", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"),
			refuses("add another one", "passport", false, metadata("number", "BBB000222")),
			refuses("replace it by a text as a photo", "passport", false, photo("text"), replacing),
			adds("replace it by the other one", metadata("number", "BBB000222"), replacing),
			submits(api.InKyc, here),
		},
	},
	{
		Name: "photo however written", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals),
			adds("with a data URI of another type", front("data:image/jpeg;base64,"+pixel)),
			adds("with base64 alone", front(pixel), replacing),
			adds("without padding", front(strings.TrimRight(pixel, "=")), replacing),
			adds("with line breaks", front(pixel[:76]+"\r\n"+pixel[76:]+"\n"), replacing),
			adds("with a JPEG", photo("JPEG"), replacing),
		},
	},
	{
		Name: "photo refused", SetUp: "nothing", Steps: refused(
			refuses("with a PDF", "passport", true, photo("PDF")),
			refuses("with a text", "passport", true, photo("text")),
			refuses("with a PNG that is cut off", "passport", true, photo("truncated PNG")),
			refuses("with a PNG of 50,000 by 50,000 pixels", "passport", true, photo("PNG of 50,000 by 50,000 pixels")),
		),
	},
	{
		Name: "large photo", SetUp: "nothing", Steps: refused(
			refuses("with a photo of 10 MiB and a byte", "passport", true, photo("PNG of 10 MiB and a byte")),
		),
	},
	{
		Name: "document refused", SetUp: "nothing", Steps: refused(
			refuses("that has expired", "passport", true, metadata("expiration_date", "2020-01-31")),
			refuses("that expires on a day that never was", "passport", true, metadata("expiration_date", "2099-02-30")),
			refuses("without its number", "passport", true, metadata("number", "")),
			refuses("of which the back is missing", "national_id", true, has("document_type", "national_id")),
			refuses("of which the back is a PDF", "national_id", true, has("document_type", "national_id"), func(d document) {
				d["image_back"] = base64.StdEncoding.EncodeToString(photos["PDF"]())
			}),
		),
	},
	{
		Name: "document of an unknown type", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals),
			does("completeDocumentation", "add what is no document", 412, api.CodeVal, "", passport(has("document_type", nonsense))),
		},
	},
}
