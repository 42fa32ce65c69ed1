package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"time"
)

// save writes the entries of the trial's kubeconfig as a user does.
func (t *trial) save(flags ...string) error {
	return t.write(append([]string{"kubeconfig", "save", t.cluster.Name}, flags...)...)
}

// saveVersion is save with the protocol version that the client knows.
func (t *trial) saveVersion(flags ...string) error {
	return t.save(append(flags, "--exec-api-version="+t.client.apiVersion())...)
}

// write runs a command that writes entries, and clears the cache so that the client finds it cold.
func (t *trial) write(args ...string) error {
	for _, args := range [][]string{args, {"cache", "clear", "--all"}} {
		ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
		o, err := t.process().start(ctx, append([]string{t.plugin}, args...)...)
		cancel()
		if err == nil && o.code != 0 {
			err = fmt.Errorf("exit code %d", o.code)
		}
		if err != nil {
			return failed(o, "doks-auth %v: %v", args, err)
		}
	}
	t.saved = t.api.Mints(t.cluster.ID)
	return nil
}

// convert converts an entry as doctl writes it.
func (t *trial) convert() error {
	err := t.writeKubeconfig(t.cluster.Server, `apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - kubernetes
      - cluster
      - kubeconfig
      - exec-credential
      - --version=v1beta1
      - --context=default
      - `+t.cluster.ID+`
      command: doctl
      env: null
      interactiveMode: IfAvailable
      provideClusterInfo: false`)
	if err != nil {
		return err
	}
	return t.write("kubeconfig", "convert")
}

// tunnel writes an entry for a cluster that is reached by another address.
func (t *trial) tunnel() error {
	version := t.client.apiVersion()
	return t.writeKubeconfig("https://"+t.cluster.Addr(), `apiVersion: client.authentication.k8s.io/`+version+`
      command: `+t.plugin+`
      args:
      - exec-credential
      - --skip-server-check
      - --api-version=`+version+`
      - `+t.cluster.ID+`
      interactiveMode: Never
      provideClusterInfo: true`)
}

// writeKubeconfig writes a kubeconfig with one cluster and one user, who runs a program.
func (t *trial) writeKubeconfig(server, exec string) error {
	return os.WriteFile(t.kubeconfig(), fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: do-fra1-production
contexts:
- context:
    cluster: do-fra1-production
    user: do-fra1-production-admin
  name: do-fra1-production
current-context: do-fra1-production
preferences: {}
users:
- name: do-fra1-production-admin
  user:
    exec:
      %s
`, base64.StdEncoding.EncodeToString(t.cluster.CA()), server, exec), 0o600)
}
