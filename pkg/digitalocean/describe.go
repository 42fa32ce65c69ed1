package digitalocean

import (
	"context"
	"errors"
	"net/url"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

// describe says why there was no answer, without secrets. A caller's own transport may say what it likes.
func (o Options) describe(ctx context.Context, err error) string {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		err = wrapper.Err // without the method and the URL
	}
	if o.own == nil {
		return sanitize(err.Error(), bearerOf(ctx))
	}
	address, parseErr := url.Parse(o.APIURL)
	if parseErr != nil {
		return "its address can't be used"
	}
	api := onecall.Peer{
		Name:  "the API",
		Clean: func(text string) string { return sanitize(text, credential.Secret{}) },
	}
	return api.Describe(address, err)
}
