// Command go-client-go is a client in Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch mode := strings.Join(args[:1], ""); {
	case mode == "version":
		return printVersion()
	case mode == "list":
		client, err := connect()
		if err != nil {
			return err
		}
		names, err := list(client)
		if err != nil {
			return err
		}
		fmt.Println(strings.Join(names, "\n"))
		return nil
	case mode == "loop" && len(args) == 2:
		seconds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		client, err := connect()
		if err != nil {
			return err
		}
		for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
			if _, err := list(client); err != nil {
				fmt.Println("error:", strings.Join(strings.Fields(err.Error()), " "))
			} else {
				fmt.Println("ok")
			}
			time.Sleep(time.Second / 2)
		}
		return nil
	}
	return errors.New("unknown mode")
}

func connect() (*kubernetes.Clientset, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func list(client *kubernetes.Clientset) ([]string, error) {
	namespaces, err := client.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, namespace := range namespaces.Items {
		names = append(names, namespace.Name)
	}
	return names, nil
}

func printVersion() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("the binary contains no build information")
	}
	for _, module := range info.Deps {
		if module.Path == "k8s.io/client-go" {
			fmt.Println(module.Version)
			return nil
		}
	}
	return errors.New("the binary contains no client-go")
}
