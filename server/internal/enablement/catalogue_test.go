package enablement_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

var products = []enablement.Product{
	enablement.CardsIndividuals, enablement.RampsCards, enablement.RampsPix,
}

func TestProductKnown(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		require.True(t, p.Known(), p)
	}
	for _, p := range []enablement.Product{"", "cards", "CARDS_INDIVIDUALS", "cards_individuals "} {
		require.False(t, p.Known(), p)
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		got := enablement.Catalogue(p)

		require.Len(t, got.Documents, 1)
		identity := got.Documents[0]
		require.Equal(t, "identity_document", identity.ID)
		require.Equal(t, "Identity document", identity.Name)
		require.NotEmpty(t, identity.Description)
		backs := map[string]bool{}
		for _, v := range identity.ValidDocuments {
			require.NotEmpty(t, v.Name, v.ID)
			require.Contains(t, v.Description, "yyyy-mm-dd", v.ID)
			require.Contains(t, v.Description, "ISO 3166-1 alpha-3", v.ID)
			require.True(t, v.FrontImage, v.ID)
			require.Equal(t, []enablement.MetadataField{
				{ID: "number", Name: "Document Number", DataType: enablement.String},
				{ID: "issuing_country", Name: "Issuing Country", DataType: enablement.String},
				{ID: "expiration_date", Name: "Expiration Date", DataType: enablement.String},
			}, v.Metadata, v.ID)
			backs[v.ID] = v.BackImage
		}
		require.Equal(t, map[string]bool{"passport": false, "national_id": true, "drivers_license": true}, backs)

		require.Len(t, got.Data, 1)
		personal := got.Data[0]
		require.Equal(t, "personal_information", personal.ID)
		require.Equal(t, "Personal information", personal.Name)
		require.Contains(t, personal.Description, "yyyy-mm-dd")
		require.Contains(t, personal.Description, "ISO 3166-1 alpha-3")
		require.Equal(t, []enablement.DataField{
			{Key: "first_name", DataType: enablement.String},
			{Key: "last_name", DataType: enablement.String},
			{Key: "email", DataType: enablement.String},
			{Key: "birth_date", DataType: enablement.String},
			{Key: "country", DataType: enablement.String},
			{Key: "phone", DataType: enablement.Phone},
		}, personal.Fields)
	}
}

func TestCatalogueOfUnknownProduct(t *testing.T) {
	t.Parallel()
	require.True(t, enablement.Catalogue("loans").Empty())
}

// What one caller does to the catalogue reaches no other.
func TestCatalogueIsNotShared(t *testing.T) {
	t.Parallel()
	spoilt := enablement.Catalogue(enablement.CardsIndividuals)
	for _, v := range spoilt.Documents[0].ValidDocuments {
		v.Metadata[0].Name = "spoilt"
	}
	spoilt.Documents[0].ValidDocuments[0].ID = "spoilt"
	spoilt.Data[0].Fields[0].Key = "spoilt"
	spoilt.Documents[0].ID, spoilt.Data[0].ID = "spoilt", "spoilt"

	fresh := enablement.Catalogue(enablement.CardsIndividuals)
	require.NotEqual(t, spoilt, fresh)
	require.Equal(t, "identity_document", fresh.Documents[0].ID)
	require.Equal(t, "passport", fresh.Documents[0].ValidDocuments[0].ID)
	require.Equal(t, "Document Number", fresh.Documents[0].ValidDocuments[0].Metadata[0].Name)
	require.Equal(t, "first_name", fresh.Data[0].Fields[0].Key)
}

// Whatever the catalogue asks for can be satisfied: no kind of document, metadata or field is
// without its rule.
func TestCatalogueCanBeSatisfied(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		for _, v := range enablement.Catalogue(p).Documents[0].ValidDocuments {
			e := enablement.Evaluate(p, client(), []enablement.Document{document(v.ID)}, now)
			require.True(t, e.Complete(), "%s %s: %+v", p, v.ID, e)
		}
	}
}
