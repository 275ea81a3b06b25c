package servertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// onboarding is of a client that lacks nothing, with a document that does and one that is not needed then.
func onboarding() client.Onboarding {
	const name = "ana"
	var photo bytes.Buffer
	_ = png.Encode(&photo, image.NewGray(image.Rect(0, 0, 1, 1)))
	front := client.PhotoReader(bytes.NewReader(photo.Bytes()))
	metadata := map[string]string{"number": "AAA111", "issuing_country": "ARG", "expiration_date": time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}
	return client.Onboarding{
		Key: name, Product: api.CardsIndividuals,
		Client: api.ClientInput{
			FirstName: "Ana", LastName: "Example", Email: name + "@example.com", BirthDate: "1984-11-21", PhoneCountryCode: 54, PhoneNumber: 91123456789,
			Address: api.AddressInput{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
		},
		Documents: []client.Document{
			{Type: "passport", Front: front, Metadata: metadata},
			{Type: "national_id", Front: front, Back: front, Metadata: metadata},
		},
	}
}

// steps notes what an onboarding does.
func steps(o *client.Onboarding) *[]string {
	var told []string
	o.Tell = func(s client.Step) { told = append(told, fmt.Sprint(s.Operation, " ", s.Document, s.Did)) }
	return &told
}

var whole = []string{
	"createClient made", "requestProduct made", "completeDocumentation passportmade", "completeDocumentation national_idskipped", "submitProduct made",
}

// once checks that all was done, and nothing twice.
func once(t *testing.T, s *servertest.Server, done *client.Onboarded) {
	t.Helper()
	require.Equal(t, api.InKyc, done.Product.Status)
	require.Empty(t, done.Rejected)
	clients, err := s.Client().Clients(t.Context())
	require.NoError(t, err)
	require.Len(t, clients, 1)
	products, err := s.Client().Products(t.Context(), done.Client.ID)
	require.NoError(t, err)
	require.Len(t, products, 1)
	s.CheckAudit(done.Product.ID, api.InKyc)
	s.CheckNotified(done.Product.ID, 1)
}

func TestOnboard(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := onboarding()
	told := steps(&o)
	o.WaitEvery = time.Millisecond
	o.Tell = func(tell func(client.Step)) func(client.Step) {
		return func(step client.Step) {
			tell(step)
			if step.Operation == "submitProduct" {
				s.Review(step.RequestID, servertest.Decision{Status: api.Enabled})
			}
		}
	}(o.Tell)
	done, err := s.Client().Onboard(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, append(whole[:len(whole):len(whole)], "listProducts waited"), *told)
	require.Equal(t, api.Enabled, done.Product.Status)
}

// TestOnboard_again: an onboarding that ended after any of its steps, or whose response to any call was lost, goes on where it was.
func TestOnboard_again(t *testing.T) {
	t.Parallel()
	for ended := range len(whole) {
		for _, key := range []string{"ana", "another"} { // under other keys, it is another program that knows of nothing
			t.Run(fmt.Sprint(ended, key), func(t *testing.T) {
				t.Parallel()
				s := servertest.New(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				o, step := onboarding(), 0
				o.Tell = func(client.Step) {
					if step++; step > ended {
						cancel() // as if the program had ended
					}
				}
				_, err := s.Client().Onboard(ctx, o)
				if ended < len(whole)-1 {
					require.ErrorIs(t, err, context.Canceled)
				}
				again := onboarding()
				again.Key = key
				told := steps(&again)
				done, err := s.Client().Onboard(t.Context(), again)
				require.NoError(t, err)
				require.Len(t, *told, len(whole))
				once(t, s, done)
			})
		}
	}
}

func TestOnboard_lost(t *testing.T) {
	t.Parallel()
	for lost := range 8 {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t)
			calls := 0
			lose := client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
				return func(r *http.Request) (*http.Response, error) {
					response, err := next(r)
					if calls++; err == nil && calls == lost+1 {
						return nil, errors.Join(errors.New("the response is lost"), response.Body.Close())
					}
					return response, err
				}
			})
			o := onboarding()
			done, err := s.Client(lose, client.WithRetry(client.RetryPolicy{MaxAttempts: 1})).Onboard(t.Context(), o)
			if err != nil {
				done, err = s.Client().Onboard(t.Context(), o)
			}
			require.NoError(t, err)
			once(t, s, done)
		})
	}
}

// TestOnboard_incomplete: what is missing or rejected is told, and the next time goes on with what was mended.
func TestOnboard_incomplete(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := onboarding()
	good := o.Documents[0]
	o.Documents = []client.Document{{Type: "passport", Front: client.PhotoReader(bytes.NewReader([]byte("%PDF-1.7"))), Metadata: good.Metadata}}
	o.Client.PhoneCountryCode, o.Client.PhoneNumber = 0, 0
	told := steps(&o)
	done, err := s.Client().Onboard(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []string{"createClient made", "requestProduct made", "completeDocumentation passportrejected", "submitProduct skipped"}, *told)
	require.Len(t, done.Rejected, 1)
	require.Len(t, done.Product.Missing(), 2)

	mended := onboarding()
	told = steps(&mended)
	done, err = s.Client().Onboard(t.Context(), mended)
	require.NoError(t, err)
	require.Equal(t, "createClient updated", (*told)[0])
	once(t, s, done)

	told = steps(&mended)
	_, err = s.Client().Onboard(t.Context(), mended)
	require.NoError(t, err)
	require.Equal(t, "submitProduct skipped", (*told)[len(*told)-1])

	_, err = s.Client().Onboard(t.Context(), client.Onboarding{})
	require.ErrorIs(t, err, client.ErrInvalidInput)
}
