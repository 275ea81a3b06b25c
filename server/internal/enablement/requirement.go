package enablement

// DataType says how a value is written.
type DataType string

// The data types of the API (upstream, request product enablement).
const (
	String DataType = "STRING"
	Phone  DataType = "PHONE"
)

// DocumentRequirement is a document that a product asks for; any one of the valid ones will do.
type DocumentRequirement struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Description    string          `json:"description"`
	ValidDocuments []ValidDocument `json:"valid_documents"`
}

// ValidDocument is one kind of document that is accepted for a requirement.
type ValidDocument struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	FrontImage  bool            `json:"front_image"`
	BackImage   bool            `json:"back_image"`
	Metadata    []MetadataField `json:"metadata"`
}

// MetadataField is a value to be sent along with a document.
type MetadataField struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	DataType DataType `json:"data_type"`
}

// DataRequirement is a group of data fields that a product asks for.
type DataRequirement struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Fields      []DataField `json:"fields"`
}

// DataField is one field of a data requirement.
type DataField struct {
	Key      string   `json:"key"`
	DataType DataType `json:"data_type"`
}

// Requirements is what a product asks for, or what of it is still missing.
type Requirements struct {
	Documents []DocumentRequirement `json:"documents"`
	Data      []DataRequirement     `json:"data"`
}

// Empty tells whether nothing is asked for.
func (r Requirements) Empty() bool {
	return len(r.Documents) == 0 && len(r.Data) == 0
}

// ItemType says what kind of stored item was rejected.
type ItemType string

// The item types of the API (seed).
const (
	DocumentItem ItemType = "document"
	DataItem     ItemType = "data"
)

// RejectedItem is a stored item that the evaluation did not accept.
type RejectedItem struct {
	Type ItemType `json:"type"`
	// Key is the kind of document, or the key of the data field.
	Key string `json:"key"`
	// Reason is in plain words, for a person.
	Reason string `json:"reason"`
}

// Evaluation is the result of holding a request's requirements against what is stored.
// A rejected item's requirement is missing, too.
type Evaluation struct {
	Missing  Requirements   `json:"missing"`
	Rejected []RejectedItem `json:"rejected"`
}

// Complete tells whether nothing is left missing.
func (e Evaluation) Complete() bool { return e.Missing.Empty() }
