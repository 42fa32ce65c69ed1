package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kubectl prints what the current context's cluster answers to "kubectl version", whatever the arguments.
func kubectl() {
	if err := printVersion(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printVersion() error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	response, err := client.Get(config.Host + "/version")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the cluster answered %s", response.Status)
	}
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

// recipe returns the first commands below a heading of the reference, as a user would copy them.
func recipe(heading string) (string, error) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return "", err
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	_, commands, hasCommands := strings.Cut(section, "\n```sh\n")
	commands, _, ends := strings.Cut(commands, "\n```\n")
	if !found || !hasCommands || !ends {
		return "", fmt.Errorf("README.md has no commands below %q", heading)
	}
	return commands + "\n", nil
}
