package api_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestProductStatus_kinds(t *testing.T) {
	t.Parallel()
	for status, want := range map[api.ProductStatus]struct{ pending, terminal bool }{
		api.Requested:            {pending: true},
		api.PendingDocumentation: {pending: true},
		api.InKyc:                {},
		api.Enabled:              {terminal: true},
		api.Rejected:             {terminal: true},
		"on_hold":                {},
		"":                       {},
	} {
		require.Equal(t, want.pending, status.Pending(), status)
		require.Equal(t, want.terminal, status.Terminal(), status)
	}
}

func TestEvaluatedProduct_Missing(t *testing.T) {
	t.Parallel()
	passport := api.RejectedItem{Type: api.RejectedDocument, Key: "passport", Reason: "The document expired on 2025-12-31."}
	photo := api.RejectedItem{Type: api.RejectedDocument, Key: "identity_document", Reason: "An image is missing."}
	phone := api.RejectedItem{Type: api.RejectedData, Key: "phone", Reason: "The number is not valid."}
	kinds := []api.ValidDocument{{ID: "passport"}, {ID: "national_id"}}
	submission := api.EvaluatedProduct{
		Product: api.Product{
			Status: api.PendingDocumentation,
			MissingRequirements: api.MissingRequirements{
				Documents: []api.DocumentRequirement{
					{ID: "identity_document", Name: "Identity document", Required: true, ValidDocuments: kinds},
					{ID: "selfie", Name: "Selfie"},
				},
				Data: []api.DataRequirement{
					{ID: "personal_information", Name: "Personal information", Fields: []api.DataField{
						{Key: "phone", DataType: api.DataTypePhone, Required: true}, {Key: "passport", DataType: api.DataTypeString},
					}},
					{ID: "empty", Fields: []api.DataField{}},
					{ID: "fields not told", Name: "Income", Required: true},
				},
			},
		},
		RejectedItems: []api.RejectedItem{phone, passport, {Type: "new", Key: "phone"}, photo},
	}
	require.Equal(t, []api.MissingItem{
		{
			Type: api.RejectedDocument, Requirement: "identity_document", Name: "Identity document", Documents: kinds, Required: true,
			Rejected: []api.RejectedItem{passport, photo},
		},
		{Type: api.RejectedDocument, Requirement: "selfie", Name: "Selfie"},
		{
			Type: api.RejectedData, Requirement: "personal_information", Name: "Personal information", Key: "phone", DataType: api.DataTypePhone,
			Required: true, Rejected: []api.RejectedItem{phone},
		},
		{Type: api.RejectedData, Requirement: "personal_information", Name: "Personal information", Key: "passport", DataType: api.DataTypeString},
		{Type: api.RejectedData, Requirement: "fields not told", Name: "Income", Required: true},
	}, submission.Missing())
	require.False(t, submission.Complete())

	// A product by itself is the same, but for what was rejected.
	missing := submission.Missing()
	for i := range missing {
		missing[i].Rejected = nil
	}
	require.Equal(t, missing, submission.Product.Missing())
}

// TestClient_Input: every field that an update takes is in it, also one that comes later.
func TestClient_Input(t *testing.T) {
	t.Parallel()
	const whole = `{"first_name":"Ana","second_name":"María","last_name":"Example","email":"ana@example.com","birth_date":"1984-11-21",` +
		`"phone_country_code":54,"phone_number":91123456789,"address":{"street_line1":"Calle 1","street_line2":"Piso 2","city":"Del Viso",` +
		`"postal_code":"1669","state":"ARG-B","state_code":"06","country":"ARG","country_code":"032"}}`
	var stored api.Client
	require.NoError(t, api.DecodeJSON([]byte(`{"id":"c","type":"individual","status":"pending","created_at":"2026-04-15T10:30:00",`+whole[1:]), &stored))
	in := stored.Input()
	sent, err := json.Marshal(in)
	require.NoError(t, err)
	require.Equal(t, whole, string(sent))
	for _, part := range []reflect.Value{reflect.ValueOf(in), reflect.ValueOf(in.Address)} {
		for i := range part.NumField() {
			require.False(t, part.Field(i).IsZero(), part.Type().Field(i).Name)
		}
	}
}

func TestEvaluatedProduct_Complete(t *testing.T) {
	t.Parallel()
	complete := api.EvaluatedProduct{Product: api.Product{Status: api.InKyc}}
	require.True(t, complete.Complete())
	require.Empty(t, complete.Missing())
	for name, change := range map[string]func(*api.EvaluatedProduct){
		"pending": func(s *api.EvaluatedProduct) { s.Product.Status = api.PendingDocumentation },
		"document missing": func(s *api.EvaluatedProduct) {
			s.Product.MissingRequirements.Documents = make([]api.DocumentRequirement, 1)
		},
		"data missing":   func(s *api.EvaluatedProduct) { s.Product.MissingRequirements.Data = make([]api.DataRequirement, 1) },
		"item rejected":  func(s *api.EvaluatedProduct) { s.RejectedItems = make([]api.RejectedItem, 1) },
		"requested":      func(s *api.EvaluatedProduct) { s.Product.Status = api.Requested },
		"enabled":        func(s *api.EvaluatedProduct) { s.Product.Status = api.Enabled },
		"rejected":       func(s *api.EvaluatedProduct) { s.Product.Status = api.Rejected },
		"unknown status": func(s *api.EvaluatedProduct) { s.Product.Status = "on_hold" },
		"other case":     func(s *api.EvaluatedProduct) { s.Product.Status = "IN_KYC" },
		"no status":      func(s *api.EvaluatedProduct) { s.Product.Status = "" },
	} {
		submission := complete
		change(&submission)
		require.False(t, submission.Complete(), name)
	}
}

func TestEvaluatedProduct_MissingTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"documents":[],"data":[]}`:   true,
		`{"documents":[{}],"data":[]}`: true,
		`{"documents":[]}`:             false,
		`{"documents":[],"data":null}`: false,
		`{"data":[]}`:                  false,
		`null`:                         false,
	} {
		var s api.EvaluatedProduct
		require.NoError(t, api.DecodeJSON([]byte(`{"product":{"missing_requirements":`+text+`}}`), &s))
		require.Equal(t, want, s.MissingTold(), text)
		require.Equal(t, want, s.Product.MissingTold(), text)
	}
}
