package enablement

// DataType is the type of a value.
type DataType string

// The data types of the API (upstream, request product enablement).
const (
	String DataType = "STRING"
	Phone  DataType = "PHONE"
)

// DocumentRequirement is a document that a product requires: any one of ValidDocuments.
type DocumentRequirement struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Description    string          `json:"description"`
	ValidDocuments []ValidDocument `json:"valid_documents"`
}

// ValidDocument is a kind of document that satisfies a requirement.
type ValidDocument struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	FrontImage  bool            `json:"front_image"`
	BackImage   bool            `json:"back_image"`
	Metadata    []MetadataField `json:"metadata"`
}

// MetadataField is a value to send with a document.
type MetadataField struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	DataType DataType `json:"data_type"`
}

// DataRequirement is a group of data fields that a product requires.
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

// Requirements is what a product requires, or the part of it that is missing.
type Requirements struct {
	Documents []DocumentRequirement `json:"documents"`
	Data      []DataRequirement     `json:"data"`
}

// Empty reports whether there is no requirement.
func (r Requirements) Empty() bool {
	return len(r.Documents) == 0 && len(r.Data) == 0
}

// ItemType is the kind of a rejected item.
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
	// Reason is a text for people.
	Reason string `json:"reason"`
}

// Evaluation is the result of [Evaluate]. The requirement of a rejected item is missing, too.
type Evaluation struct {
	Missing  Requirements   `json:"missing"`
	Rejected []RejectedItem `json:"rejected"`
}

// Complete reports whether nothing is missing.
func (e Evaluation) Complete() bool { return e.Missing.Empty() }
