// Command hale is a patient portal that goes to the patient.
package main

import (
	"os"

	"hale/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
