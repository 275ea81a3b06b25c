package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// byCurl walks the way with curl alone.
func byCurl(ctx context.Context, service *process.Process) error {
	return errors.Join(
		curls(ctx, service.URL, "DEMO0001", api.Enabled),
		curls(ctx, service.URL, "REJECT0001", api.Rejected),
	)
}

func curls(ctx context.Context, url, number string, decision api.ProductStatus) error {
	fmt.Printf("# A client whose document has the number %s\n\n", number)
	clients := url + "/management/clients/individuals"
	var created api.Client
	if err := curl(ctx, "POST", clients, personOf(strings.ToLower(number)+"@example.com"), &created); err != nil {
		return err
	}
	var request api.Product
	if err := curl(ctx, "POST", clients+"/"+created.ID+"/products", api.ProductInput{Subproduct: string(api.CardsIndividuals)}, &request); err != nil {
		return err
	}
	path := clients + "/" + created.ID + "/products/" + request.ID
	var evaluated api.EvaluatedProduct
	document := passport(number)
	if err := curl(ctx, "POST", path+"/documentation", api.DocumentationInput{Document: api.DocumentInput{
		DocumentType: document.Type, ImageFront: api.NewImage(dot()), Metadata: document.Metadata,
	}}, &evaluated); err != nil {
		return err
	}
	if err := lacks(&evaluated.Product); err != nil {
		return err
	}
	if err := curl(ctx, "POST", path+"/submit", nil, &evaluated); err != nil {
		return err
	}
	for {
		var products []api.Product
		if err := curl(ctx, "GET", clients+"/"+created.ID+"/products", nil, &products); err != nil {
			return err
		}
		switch products[0].Status {
		case api.InKyc:
			process.Pause(ctx, time.Second)
		case decision:
			return nil
		default:
			return fmt.Errorf("the request is %s, and should be %s", products[0].Status, decision)
		}
	}
}

// curl prints a call as it is made, and what comes.
func curl(ctx context.Context, method, url string, body, response any) error {
	args := []string{"-sS", "--fail-with-body", "-X", method, url, "-H", "x-api-key: " + sample.KeyLevel3}
	shown := fmt.Sprintf("curl -X %s %s \\\n  -H %q", method, url, args[len(args)-1])
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		args = append(args, "-H", "Content-Type: application/json", "-d", string(text))
		shown += fmt.Sprintf(" -H \"Content-Type: application/json\" \\\n  -d '%s'", text)
	}
	fmt.Println(shown)
	command := exec.CommandContext(ctx, "curl", args...)
	var errs bytes.Buffer
	command.Stderr = &errs
	output, err := command.Output()
	fmt.Println(strings.TrimSpace(string(output)))
	fmt.Println()
	if err != nil {
		return fmt.Errorf("curl: %w: %s", err, errs.String())
	}
	return json.Unmarshal(output, response)
}
