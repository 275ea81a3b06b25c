package batch

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// client is a client as it was submitted. It is stored: never change a name.
type client struct {
	ID               string                  `json:"id"`
	CompanyID        string                  `json:"company_id"`
	Status           enablement.ClientStatus `json:"status"`
	FirstName        string                  `json:"first_name"`
	SecondName       string                  `json:"second_name"`
	LastName         string                  `json:"last_name"`
	Email            string                  `json:"email"`
	BirthDate        string                  `json:"birth_date"`
	PhoneCountryCode int                     `json:"phone_country_code"`
	PhoneNumber      int64                   `json:"phone_number"`
	Address          enablement.Address      `json:"address"`
	CreatedAt        time.Time               `json:"created_at"`
	UpdatedAt        time.Time               `json:"updated_at"`
}

// EncodeClient returns a client in the form in which it is stored with a submitted request.
func EncodeClient(c enablement.Client) (string, error) {
	text, err := json.Marshal(client(c))
	return string(text), err
}

// DecodeClient reverses [EncodeClient].
func DecodeClient(text string) (enablement.Client, error) {
	var c client
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return enablement.Client{}, fmt.Errorf("stored client: %w", err)
	}
	return enablement.Client(c), nil
}

// IDs returns the ids of the documents. It is never nil.
func IDs(documents []enablement.Document) []int64 {
	ids := make([]int64, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	return ids
}
