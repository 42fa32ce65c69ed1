package digitalocean

import (
	"context"
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Bearer provides the access token that each call is made with. Its methods are safe for concurrent use.
type Bearer interface {
	// Token returns the current access token.
	Token(ctx context.Context) (credential.Secret, error)

	// Replace returns an access token in place of one that the API has refused with 401. It returns the zero Secret
	// if there is no other.
	Replace(ctx context.Context, refused credential.Secret) (credential.Secret, error)
}

// AccessToken is a Bearer that always provides the same access token.
type AccessToken struct {
	Secret credential.Secret
	Source string // where it was found, for people: "DIGITALOCEAN_ACCESS_TOKEN"
}

// Token implements Bearer. It returns an error of class Usage if the token can't be sent in a header.
func (t AccessToken) Token(context.Context) (credential.Secret, error) { return t.Secret, t.Check() }

// Replace implements Bearer.
func (t AccessToken) Replace(context.Context, credential.Secret) (credential.Secret, error) {
	return credential.Secret{}, nil
}

// Check returns an error of class Usage if the token can't be sent in a header.
func (t AccessToken) Check() error {
	if err := credential.CheckBearer(t.Secret); err != nil {
		return &credential.Error{
			Class: credential.Usage,
			Err:   fmt.Errorf("%w from %s can't be used: %w", ErrAccessToken, t.Source, err),
		}
	}
	return nil
}

// ErrAccessToken means that an access token can't be sent in a header.
var ErrAccessToken = errors.New("the access token")

// bearerKey is the key of a context's access token.
type bearerKey struct{}

// withBearer returns a context for a call with an access token.
func withBearer(ctx context.Context, token credential.Secret) context.Context {
	return context.WithValue(ctx, bearerKey{}, token)
}

// bearerOf returns the access token of a call's context.
func bearerOf(ctx context.Context) credential.Secret {
	token, _ := ctx.Value(bearerKey{}).(credential.Secret)
	return token
}
