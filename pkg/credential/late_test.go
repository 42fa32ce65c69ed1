package credential_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestCheckTime(t *testing.T) {
	tests := map[string]struct {
		limit, took time.Duration
		late        bool
	}{
		"no deadline":                        {0, time.Minute, false},
		"a short deadline":                   {100 * time.Millisecond, 0, false},
		"a second left":                      {10 * time.Second, 9 * time.Second, false},
		"less than a second left":            {10 * time.Second, 9500 * time.Millisecond, true},
		"little left, but more than it took": {500 * time.Millisecond, 200 * time.Millisecond, false},
		"less left than it took":             {500 * time.Millisecond, 300 * time.Millisecond, true},
		"nothing left":                       {time.Second, time.Minute, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.limit > 0 {
					limited, cancel := context.WithTimeout(ctx, test.limit)
					defer cancel()
					ctx = limited
				}
				time.Sleep(test.took)
				err := credential.CheckTime(ctx, test.took, "asking around")
				if (err != nil) != test.late {
					t.Errorf("got %v, want an error: %t", err, test.late)
				}
				if err != nil && (credential.ClassOf(err) != credential.Unreachable ||
					!errors.Is(err, credential.ErrUnremembered)) {
					t.Errorf("got %#v, want one of class %q that isn't remembered", err, credential.Unreachable)
				}
			})
		})
	}
}
