package restconfig

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// TokenSource returns a provider's tokens as an oauth2.TokenSource, for clients of a cluster that aren't
// client-go's. It asks the provider each time, which so should be a [credential.Cached]. ctx is what the
// provider is asked with; when it ends, so does the TokenSource.
//
// Nothing keeps such a client from sending the token elsewhere, or renews a token that is refused.
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
