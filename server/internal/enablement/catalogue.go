package enablement

import "slices"

// The ids of the metadata of a document. number is upstream's sample requirement, issuing_country
// its sample upload; expiration_date is our own, since an expired document is to be told.
const (
	metaNumber         = "number"
	metaIssuingCountry = "issuing_country"
	metaExpirationDate = "expiration_date"
)

// The keys of the data fields. Upstream documents phone alone; the others are named as the fields of
// the client's record that it asks for on creation.
const (
	keyFirstName = "first_name"
	keyLastName  = "last_name"
	keyEmail     = "email"
	keyBirthDate = "birth_date"
	keyCountry   = "country"
	keyPhone     = "phone"
)

// Known reports whether the product is one of the API's.
func (p Product) Known() bool {
	switch p {
	case CardsIndividuals, RampsCards, RampsPix:
		return true
	}
	return false
}

// Catalogue says what a product requires. Requirements are documented for [CardsIndividuals] only;
// the other products take the same until their own are. A product that is not [Product.Known]
// requires nothing that could be named: [Decide] refuses it.
//
// Every call returns new lists, so callers may change them.
func Catalogue(p Product) Requirements {
	required := requiredFor(p)
	required.Documents = slices.Clone(required.Documents)
	for i, d := range required.Documents {
		required.Documents[i] = d.clone()
	}
	required.Data = slices.Clone(required.Data)
	for i, d := range required.Data {
		required.Data[i].Fields = slices.Clone(d.Fields)
	}
	return required
}

// requiredFor is the catalogue itself, built once: it is only to be read.
func requiredFor(p Product) Requirements {
	if !p.Known() {
		return Requirements{}
	}
	return individual
}

var individual = Requirements{
	Documents: []DocumentRequirement{identityDocument()},
	Data:      []DataRequirement{personalInformation()},
}

func (r DocumentRequirement) clone() DocumentRequirement {
	r.ValidDocuments = slices.Clone(r.ValidDocuments)
	for i, v := range r.ValidDocuments {
		r.ValidDocuments[i].Metadata = slices.Clone(v.Metadata)
	}
	return r
}

// identityDocument lists the kinds that upstream names, but ssn: that is a number, not a document
// with a photo and an expiration date. Which kinds have a back to show is an own rule.
func identityDocument() DocumentRequirement {
	return DocumentRequirement{
		ID:          "identity_document",
		Name:        "Identity document",
		Description: "One valid identity document of the client, with photos of the document itself.",
		ValidDocuments: []ValidDocument{
			{
				ID:          "passport",
				Name:        "Passport",
				Description: "A photo of the page with the client's picture. " + metadataFormats,
				FrontImage:  true,
				Metadata:    identityMetadata(),
			},
			{
				ID:          "national_id",
				Name:        "National identity card",
				Description: "Photos of both sides. " + metadataFormats,
				FrontImage:  true,
				BackImage:   true,
				Metadata:    identityMetadata(),
			},
			{
				ID:          "drivers_license",
				Name:        "Driver's license",
				Description: "Photos of both sides. " + metadataFormats,
				FrontImage:  true,
				BackImage:   true,
				Metadata:    identityMetadata(),
			},
		},
	}
}

const metadataFormats = "The issuing country is an ISO 3166-1 alpha-3 code (ARG), " +
	"the expiration date is written yyyy-mm-dd and has not passed."

func identityMetadata() []MetadataField {
	return []MetadataField{
		{ID: metaNumber, Name: "Document Number", DataType: String},
		{ID: metaIssuingCountry, Name: "Issuing Country", DataType: String},
		{ID: metaExpirationDate, Name: "Expiration Date", DataType: String},
	}
}

func personalInformation() DataRequirement {
	return DataRequirement{
		ID:   "personal_information",
		Name: "Personal information",
		Description: "Data of the client. birth_date is written yyyy-mm-dd, of a client of at least 18 years; " +
			"country is the address's, an ISO 3166-1 alpha-3 code (ARG); " +
			"phone is phone_country_code (54) and phone_number together.",
		Fields: []DataField{
			{Key: keyFirstName, DataType: String},
			{Key: keyLastName, DataType: String},
			{Key: keyEmail, DataType: String},
			{Key: keyBirthDate, DataType: String},
			{Key: keyCountry, DataType: String},
			{Key: keyPhone, DataType: Phone},
		},
	}
}
