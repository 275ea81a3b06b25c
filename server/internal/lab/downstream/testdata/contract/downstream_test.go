package downstream

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cryptomate-go/enablement/server/contract"
)

func TestFake(t *testing.T) {
	c, err := contract.New(contract.OnFinding(contract.ToTB(t)))
	if err != nil {
		t.Fatal(err)
	}
	fake := httptest.NewServer(Fake())
	defer fake.Close()
	client := http.Client{Transport: c.Transport(nil)}
	r, err := http.NewRequest(http.MethodPost, fake.URL+"/management/clients/individuals/cl_1/products/rq_1/submit", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-key", "a-key-of-the-test")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestFake_suite(t *testing.T) {
	contract.Suite(t, contract.InProcess(Fake()), contract.Fixtures{
		Key: "a-key-of-the-test",
	}, contract.Operations("submitProduct"))
}
