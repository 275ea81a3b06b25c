// Command client is a program that submits by the client.
package main

import (
	"context"
	"fmt"

	"os"

	"github.com/cryptomate-go/enablement/client"
)

func main() {
	c, err := client.New(os.Args[1], client.WithBaseURL(os.Args[2]))
	if err != nil {
		panic(err)
	}
	fmt.Println(c.SubmitProduct(context.Background(), os.Args[3], os.Args[4]))
}
