package credential_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestSecretDoesNotPrint(t *testing.T) {
	const text = "hunter2"
	secret := credential.NewSecret(text)
	holder := struct {
		Exported   credential.Secret
		unexported credential.Secret
		Pointer    *credential.Secret
		List       []credential.Secret
		Map        map[string]credential.Secret
	}{secret, secret, &secret, []credential.Secret{secret}, map[string]credential.Secret{"k": secret}}

	printed := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3s"} {
		printed[verb] = fmt.Sprintf(verb, secret)
		printed["pointer "+verb] = fmt.Sprintf(verb, &secret)
		printed["holder "+verb] = fmt.Sprintf(verb, holder)
		printed["holder pointer "+verb] = fmt.Sprintf(verb, &holder)
		printed["list "+verb] = fmt.Sprintf(verb, []any{secret, &secret})
		printed["error "+verb] = fmt.Errorf("wrapped: "+verb, secret).Error()
	}
	inJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed["JSON"] = string(inJSON)
	inYAML, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed["YAML"] = string(inYAML)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "secret", secret, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "secret", secret, "holder", holder)
	printed["log"] = log.String()
	printed["diff"] = cmp.Diff(secret, credential.NewSecret("other"))
	printed["credential diff"] = cmp.Diff(credential.Credential{Token: secret}, credential.Credential{})

	for how, got := range printed {
		for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), "aHVudGVyMg"} {
			if strings.Contains(got, form) {
				t.Errorf("%s: got %s, want nothing of the secret", how, got)
			}
		}
	}
	if got := fmt.Sprint(secret); got != "[redacted]" {
		t.Errorf("got %q, want %q", got, "[redacted]")
	}
	if got := secret.Reveal(); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

func TestSecretEqual(t *testing.T) {
	a, same, other := credential.NewSecret("a"), credential.NewSecret("a"), credential.NewSecret("b")
	empty := credential.NewSecret("")
	for what, test := range map[string]struct{ got, want bool }{
		"same text":      {a.Equal(same), true},
		"other text":     {a.Equal(other), false},
		"text and empty": {a.Equal(empty), false},
		"empty and zero": {empty.Equal(credential.Secret{}), true},
	} {
		if test.got != test.want {
			t.Errorf("Equal, %s: got %v, want %v", what, test.got, test.want)
		}
	}
	if !empty.IsZero() || empty.String() != "" || empty.Reveal() != "" {
		t.Errorf("the empty secret: got IsZero %v, String %q, Reveal %q; want true and empty strings",
			empty.IsZero(), empty.String(), empty.Reveal())
	}
}
