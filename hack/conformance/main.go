// Command conformance runs real Kubernetes clients, in their languages, with the built plugin, against stand-ins for
// the DigitalOcean API and a cluster. Each client runs through the same scenarios with kubeconfigs as doks-auth writes
// them. Use hack/conformance/run, which puts it where the names of clusters lead to the loopback interface.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// parallel is how many clients are installed, or run, at a time.
const parallel = 2

// folder contains a folder for each client, and plugin is the program they run, relative to the checkout.
const (
	folder = "hack/conformance"
	plugin = "bin/doks-auth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, errFailed) { // it has been said
			fmt.Fprintln(os.Stderr, "conformance:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("use hack/conformance/run")
	}
	command := args[0]
	flags := flag.NewFlagSet("hack/conformance/run", flag.ContinueOnError)
	clientNames := flags.String("clients", "", "run only these `clients`, separated by commas")
	scenarioNames := flags.String("scenarios", "", "run only these `scenarios`, separated by commas")
	verbose := flags.Bool("v", false, "print what the clients print")
	if flags.Parse(args[1:]) != nil {
		return errFailed
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	selected, err := selectScenarios(list(*scenarioNames))
	if err != nil {
		return err
	}
	clients, err := findClients(folder, list(*clientNames))
	if err != nil {
		return err
	}
	program, err := filepath.Abs(plugin)
	if err != nil {
		return err
	}
	switch command {
	case "hosts":
		for _, s := range slots() {
			fmt.Println(s.ip, s.id+".k8s.ondigitalocean.com")
		}
		fmt.Println("127.0.0.1 localhost")
		return nil
	case "install":
		installAll(ctx, clients)
		return ctx.Err()
	case "test":
		return (&tester{plugin: program, scenarios: selected, verbose: *verbose, out: os.Stdout}).test(ctx, clients)
	}
	return fmt.Errorf("unknown command %q", command)
}

// list splits the value of a flag.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
