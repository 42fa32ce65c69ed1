package restconfig

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// TokenSource returns a provider's tokens as an oauth2.TokenSource, for clients of a cluster other than
// client-go's. It calls the provider each time, so the provider should be a [credential.Cached]. ctx is passed to
// the provider; once it is done, the TokenSource fails.
//
// TokenSource doesn't prevent a client from sending the token elsewhere, and it doesn't renew a refused token.
func TokenSource(ctx context.Context, provider credential.Provider) oauth2.TokenSource {
	return tokenSource(func() (*oauth2.Token, error) {
		c, err := provider.Credential(ctx)
		if err != nil {
			return nil, err
		}
		if c.Token.IsZero() {
			return nil, unusable(errors.New("it is a client certificate, not a token"))
		}
		return &oauth2.Token{AccessToken: c.Token.Reveal(), TokenType: "Bearer", Expiry: c.ExpiresAt}, nil
	})
}

type tokenSource func() (*oauth2.Token, error)

// Token implements oauth2.TokenSource.
func (f tokenSource) Token() (*oauth2.Token, error) { return f() }
