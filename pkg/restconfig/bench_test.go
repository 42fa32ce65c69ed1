package restconfig_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/transport"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// BenchmarkRoundTrip compares the overhead of client-go's static tokens with that of this package's fresh ones.
func BenchmarkRoundTrip(b *testing.B) {
	answer := response(http.StatusOK, "")
	next := roundTripper(func(*http.Request) (*http.Response, error) { return answer, nil })
	provider := credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		now := time.Now()
		return credential.Credential{
			Server:    serverURL,
			Token:     credential.NewSecret("token"),
			FetchedAt: now,
			ExpiresAt: now.Add(time.Hour),
		}, nil
	})
	config, err := restconfig.New(b.Context(), &credential.Cached{Provider: provider})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		rt   http.RoundTripper
	}{
		{"static", transport.NewBearerAuthRoundTripper("token", next)},
		{"fresh", config.WrapTransport(next)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, serverURL+"/api/v1/namespaces", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Accept", "application/json")
			req.Header.Set("User-Agent", "bench")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.rt.RoundTrip(req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
