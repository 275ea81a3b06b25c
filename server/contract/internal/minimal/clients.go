package minimal

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// CreateClient implements [api.StrictServerInterface].
func (s *Service) CreateClient(ctx context.Context, call api.CreateClientRequestObject) (api.CreateClientResponseObject, error) {
	companyID, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.check(*call.Body, companyID, ""); err != nil {
		return nil, err
	}
	c := s.add(companyID, s.id(), *call.Body)
	return api.CreateClient201JSONResponse{ClientCreatedJSONResponse: api.ClientCreatedJSONResponse{Body: c.Client}}, nil
}

// ListClients implements [api.StrictServerInterface].
func (s *Service) ListClients(ctx context.Context, _ api.ListClientsRequestObject) (api.ListClientsResponseObject, error) {
	companyID, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	list := api.Clients{}
	for _, c := range slices.Backward(s.clients) {
		if c.company == companyID {
			list = append(list, c.Client)
		}
	}
	return api.ListClients200JSONResponse{ClientsListedJSONResponse: api.ClientsListedJSONResponse{Body: list}}, nil
}

// GetClient implements [api.StrictServerInterface].
func (s *Service) GetClient(ctx context.Context, call api.GetClientRequestObject) (api.GetClientResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return api.GetClient200JSONResponse{ClientStoredJSONResponse: api.ClientStoredJSONResponse{Body: c.Client}}, nil
}

// UpdateClient implements [api.StrictServerInterface].
func (s *Service) UpdateClient(ctx context.Context, call api.UpdateClientRequestObject) (api.UpdateClientResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.check(*call.Body, c.company, c.ID); err != nil {
		return nil, err
	}
	before := c.Client
	c.fill(*call.Body)
	if !reflect.DeepEqual(c.Client, before) { // a field may be a list
		c.UpdatedAt = api.NewTimestamp(s.now)
	}
	return api.UpdateClient200JSONResponse{ClientStoredJSONResponse: api.ClientStoredJSONResponse{Body: c.Client}}, nil
}

// DeleteClient implements [api.StrictServerInterface].
func (s *Service) DeleteClient(ctx context.Context, call api.DeleteClientRequestObject) (api.DeleteClientResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	s.clients = slices.DeleteFunc(s.clients, func(other *client) bool { return other == c })
	s.replays.Forget(c.ID)
	return api.DeleteClient204Response{}, nil
}

// check finds what no schema says.
func (s *Service) check(in api.ClientInput, companyID, except string) error {
	refused := func(status int, code api.ErrorCode, message string) error {
		return &server.Error{Status: status, Code: code, Message: message}
	}
	if _, err := time.Parse(time.DateOnly, in.BirthDate); err != nil {
		return refused(http.StatusBadRequest, api.CodeBadRequest, "request body /birth_date: must be a date that exists")
	}
	if !strings.Contains(in.Email, "@") {
		return refused(http.StatusBadRequest, api.CodeBadRequest, "request body /email: must be an e-mail address")
	}
	if (in.PhoneCountryCode == 0) != (in.PhoneNumber == 0) {
		return refused(http.StatusBadRequest, api.CodeBadRequest, "request body /phone_number: goes with /phone_country_code")
	}
	for _, c := range s.clients {
		if c.company == companyID && c.ID != except && strings.EqualFold(c.Email, in.Email) {
			return refused(http.StatusBadRequest, api.CodeVal, "Company client already exists for this company")
		}
	}
	if country, _, prefixed := strings.Cut(in.Address.State, "-"); prefixed && country != in.Address.Country {
		return refused(http.StatusPreconditionFailed, api.CodeVal, "request body /address/state: is not a state of the country")
	}
	return nil
}

func (s *Service) add(companyID, id string, in api.ClientInput) *client {
	c := &client{company: companyID, Client: api.Client{
		ID: id, Type: api.Individual, Status: api.ClientPending,
		CreatedAt: api.NewTimestamp(s.now), UpdatedAt: api.NewTimestamp(s.now),
	}}
	c.fill(in)
	s.clients = append(s.clients, c)
	return c
}

// fill replaces all that a caller can say of a client.
func (c *client) fill(in api.ClientInput) {
	c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate = in.FirstName, in.SecondName, in.LastName, in.Email, in.BirthDate
	c.PhoneCountryCode, c.PhoneNumber, c.Address = in.PhoneCountryCode, in.PhoneNumber, api.Address(in.Address)
}
