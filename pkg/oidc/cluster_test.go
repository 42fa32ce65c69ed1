package oidc_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

func TestClientCheck(t *testing.T) {
	const ok = "ok"
	tests := map[string]struct {
		issuer, id string
		want       credential.Class
	}{
		"https":            {"https://login.example", clientID, ok},
		"path":             {"https://login.example/tenant/", clientID, ok},
		"port":             {"https://login.example:8443", clientID, ok},
		"loopback":         {"http://127.0.0.1:1", clientID, ok},
		"localhost":        {"http://localhost:1", clientID, ok},
		"IPv6 loopback":    {"http://[::1]:1", clientID, ok},
		"longest id":       {"https://login.example", strings.Repeat("x", 255), ok},
		"clear text":       {"http://login.example", clientID, credential.Unsafe},
		"private address":  {"http://10.0.0.1", clientID, credential.Unsafe},
		"like loopback":    {"http://127.0.0.1.example", clientID, credential.Unsafe},
		"no scheme":        {"login.example", clientID, credential.Usage},
		"another scheme":   {"ftp://login.example", clientID, credential.Unsafe},
		"empty":            {"", clientID, credential.Usage},
		"user":             {"https://a:b@login.example", clientID, credential.Usage},
		"query":            {"https://login.example/?a=b", clientID, credential.Usage},
		"fragment":         {"https://login.example/#a", clientID, credential.Usage},
		"space":            {"https://login.example/a b", clientID, credential.Usage},
		"control":          {"https://login.example/\x1b[2J", clientID, credential.Usage},
		"other characters": {"https://loginİ.example", clientID, credential.Usage},
		"no id":            {"https://login.example", "", credential.Usage},
		"id with space":    {"https://login.example", "a b", credential.Usage},
		"id with control":  {"https://login.example", "a\n", credential.Usage},
		"id too long":      {"https://login.example", strings.Repeat("x", 256), credential.Usage},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := oidc.Client{Issuer: test.issuer, ID: test.id}
			err := client.Check()
			if got := credential.ClassOf(err); (err == nil) != (test.want == ok) || err != nil && got != test.want {
				t.Fatalf("got the error %v of class %q, want %q", err, got, test.want)
			}
			if err == nil {
				return
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "a:b") {
				t.Errorf("got %q, want nothing of the value that isn't harmless", err)
			}
			w := newWorld(t)
			if _, got := w.sessions().Record(t.Context(), client); got == nil || got.Error() != err.Error() {
				t.Errorf("recording it: got %v, want %v", got, err)
			}
			if _, got := w.sessions().Find(client); got == nil || got.Error() != err.Error() {
				t.Errorf("finding it: got %v, want %v", got, err)
			}
			if got := w.sessions().Pin(oidc.Cluster{ID: clusterID, Client: client}); got == nil || got.Error() != err.Error() {
				t.Errorf("pinning its cluster: got %v, want %v", got, err)
			}
			if _, err := os.Stat(w.dir); err == nil {
				t.Error("got a state directory, want none")
			}
		})
	}
}

func TestPins(t *testing.T) {
	w := newWorld(t)
	sessions := w.sessions()
	_, err := sessions.Pinned(clusterID)
	want{credential.Unsafe, "isn't recorded on this machine"}.check(t, err)
	c := w.cluster()
	c.CertificateAuthority = []byte("PEM")
	for _, server := range []string{c.Server, "https://other.k8s.ondigitalocean.com"} {
		c.Server = server
		if err := sessions.Pin(c); err != nil {
			t.Fatal(err)
		}
		got, err := sessions.Pinned(clusterID)
		if diff := cmp.Diff(c, got); err != nil || diff != "" {
			t.Errorf("got the error %v and a cluster that differs (-want +got):\n%s", err, diff)
		}
	}
	found, err := filepath.Glob(filepath.Join(w.dir, "sso-clusters", "*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("got the records %q, %v; want one", found, err)
	}
	for _, text := range []string{"", "null", `{"id":"11111111-0739-4a1a-acc5-deadbeefbb8f"}`} {
		if err := os.WriteFile(found[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sessions.Pinned(clusterID)
		want{credential.Unsafe, "its record can't be used"}.check(t, err)
		if !errors.Is(err, oidc.ErrNotPinned) {
			t.Errorf("got %v, want ErrNotPinned", err)
		}
	}
	if err := sessions.Pin(c); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sessions.Unpin(clusterID); err != nil {
			t.Error(err)
		}
	}
	_, err = sessions.Pinned(clusterID)
	want{credential.Unsafe, "isn't recorded on this machine"}.check(t, err)
}

// Whatever decides about who may have a credential is part of its key.
func TestKeys(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	c := w.cluster()
	c.CertificateAuthority = []byte("PEM")
	key := w.session().Key(c)
	if again := w.session().Key(c); key != again {
		t.Errorf("got the keys %v and %v, want the same", key, again)
	}
	changed := map[string]credential.Key{"another provider": other.session().Key(c)}
	for name, change := range map[string]func(*oidc.Cluster){
		"another cluster": func(c *oidc.Cluster) { c.ID = "11111111-0739-4a1a-acc5-deadbeefbb8f" },
		"another server":  func(c *oidc.Cluster) { c.Server += ".example" },
		"another CA":      func(c *oidc.Cluster) { c.CertificateAuthority = bytes.ToLower(c.CertificateAuthority) },
		"no CA":           func(c *oidc.Cluster) { c.CertificateAuthority = nil },
	} {
		c := c
		change(&c)
		changed[name] = w.session().Key(c)
	}
	session, err := w.sessions().Record(t.Context(), oidc.Client{Issuer: w.URL(), ID: "client-2"})
	if err != nil {
		t.Fatal(err)
	}
	changed["another client"] = session.Key(c)
	w.must(w.way())
	if got := w.session().Key(c); got != key {
		t.Error("signed in: got another key, want the same")
	}
	if _, err := w.session().SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed["signed out"] = w.session().Key(c)
	for name, got := range changed {
		if got == key {
			t.Errorf("%s: got the same key, want another one", name)
		}
	}
}
