package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// lookIntoCache prints the files in the cache directory and an entry's header, and checks that none of the
// files contains a secret in plain text.
func (d *demo) lookIntoCache(ctx context.Context, clusters []*digitaloceantest.Cluster) error {
	secrets, err := d.secrets(ctx, clusters)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(d.cache)
	if err != nil {
		return err
	}
	d.begin("the cache directory")
	var headers [][]byte
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(d.cache, file.Name()))
		if err != nil {
			return err
		}
		d.say("  %-40s %5d bytes", file.Name(), len(data))
		if holdsAny(data, secrets) {
			return d.untrue("%s contains a secret in plain text", file.Name())
		}
		if filepath.Ext(file.Name()) == ".entry" {
			header, _, _ := bytes.Cut(data, []byte("\n"))
			headers = append(headers, header)
		}
	}
	if len(headers) != len(clusters) {
		return d.untrue("there are %d entries for %d clusters", len(headers), len(clusters))
	}
	header := headers[0]
	if !json.Valid(header) {
		return d.untrue("an entry doesn't begin with a line of JSON")
	}
	d.say("An entry begins with a line of plain text:")
	d.say("  %s", bytes.ReplaceAll(header, []byte(`,"`), []byte(",\n   \"")))
	d.say("The rest is encrypted with a key derived from the access token. None of these files contains the cached token,\n" +
		"the private key or the access token in plain text.")
	return nil
}

// secrets returns the secrets of the cached credentials, and the access token.
func (d *demo) secrets(ctx context.Context, clusters []*digitaloceantest.Cluster) ([]string, error) {
	calls := d.api.Calls()
	secrets := []string{accessToken}
	for _, c := range clusters {
		r, err := d.output(ctx, d.plugin, "exec-credential", "--api-version=v1", c.ID)
		if err != nil {
			return nil, err
		}
		var response struct {
			Status struct{ Token, ClientKeyData string }
		}
		if err := json.Unmarshal([]byte(r.stdout), &response); err != nil {
			return nil, fmt.Errorf("decoding the plugin's response: %w", err)
		}
		secret := response.Status.Token + response.Status.ClientKeyData // never both
		if secret == "" {
			return nil, fmt.Errorf("the plugin's response for cluster %q has no secret", c.Name)
		}
		secrets = append(secrets, secret)
	}
	if d.api.Calls() != calls {
		return nil, errors.New("reading the cached credentials: the API was called")
	}
	return secrets, nil
}

// holdsAny reports whether data contains a line of a secret. JSON escapes the line breaks of a private key,
// but keeps its lines.
func holdsAny(data []byte, secrets []string) bool {
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			if bytes.Contains(data, []byte(strings.TrimSpace(line))) {
				return true
			}
		}
	}
	return false
}
