package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	createClient = "createClient"
	listClients  = "listClients"
	getClient    = "getClient"
	updateClient = "updateClient"
	deleteClient = "deleteClient"
)

// CreateClient implements the operation.
func (a *API) CreateClient(ctx context.Context, request api.CreateClientRequestObject) (api.CreateClientResponseObject, error) {
	return a.storeClient(ctx, createClient, "", request.Body, http.StatusCreated,
		func(f enablement.File, in enablement.ClientInput, now time.Time) (enablement.Change, error) {
			return enablement.CreateClient(f, in, now, enablement.NewID)
		})
}

// UpdateClient implements the operation.
func (a *API) UpdateClient(ctx context.Context, request api.UpdateClientRequestObject) (api.UpdateClientResponseObject, error) {
	return a.storeClient(ctx, updateClient, request.ClientID, request.Body, http.StatusOK, enablement.UpdateClient)
}

func (a *API) storeClient(ctx context.Context, operation, clientID string, body *api.ClientInput, status int,
	decide func(enablement.File, enablement.ClientInput, time.Time) (enablement.Change, error),
) (response, error) {
	call, err := a.callOf(ctx, operation, clientID)
	if err != nil {
		return response{}, err
	}
	in := clientInput(*body)
	call.Email = in.Email
	if err := in.Check(); err != nil {
		return response{}, refusal(err, call)
	}
	return a.change(ctx, call, a.config.Store.Change, status,
		func(f enablement.File, now time.Time) (enablement.Change, error) { return decide(f, in, now) },
		func(c enablement.Change) any { return client(*c.Client) })
}

// DeleteClient implements the operation.
func (a *API) DeleteClient(ctx context.Context, request api.DeleteClientRequestObject) (api.DeleteClientResponseObject, error) {
	call, err := a.callOf(ctx, deleteClient, request.ClientID)
	if err != nil {
		return nil, err
	}
	return a.change(ctx, call, a.config.Store.Change, http.StatusNoContent, enablement.DeleteClient, nil)
}

// GetClient implements the operation.
func (a *API) GetClient(ctx context.Context, request api.GetClientRequestObject) (api.GetClientResponseObject, error) {
	return a.read(ctx, getClient, request.ClientID, func(ctx context.Context, call enablement.Call) (any, error) {
		stored, err := a.config.Store.Client(ctx, call.CompanyID, call.ClientID)
		return client(stored), err
	})
}

// ListClients implements the operation.
func (a *API) ListClients(ctx context.Context, _ api.ListClientsRequestObject) (api.ListClientsResponseObject, error) {
	return a.read(ctx, listClients, "", func(ctx context.Context, call enablement.Call) (any, error) {
		stored, err := a.config.Store.Clients(ctx, call.CompanyID)
		return convert(stored, client), err
	})
}
