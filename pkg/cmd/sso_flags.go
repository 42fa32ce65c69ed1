package cmd

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// ssoFlags are the flags that name an OpenID provider, and how to sign in there.
type ssoFlags struct {
	issuer   string
	clientID string
	port     int
}

func (f *ssoFlags) addTo(flags *pflag.FlagSet) {
	flags.Var(given{&f.issuer}, "sso-issuer-url",
		"sign in at the OpenID provider with this `address`, instead of using an access token")
	flags.Var(given{&f.clientID}, "sso-client-id", "`id` of the provider's client")
	flags.Var(port{&f.port}, "sso-callback-port",
		"local `port` to which the browser returns; the provider's client must be registered for it (default 8080)")
}

// addDoctlsTo adds doctl's names of the flags, which its entries have.
func (f *ssoFlags) addDoctlsTo(flags *pflag.FlagSet) {
	flags.Var(given{&f.issuer}, "issuer-url", "")
	flags.Var(given{&f.clientID}, "client-id", "")
	flags.Var(port{&f.port}, "sso-local-server-port", "")
	for _, name := range []string{"issuer-url", "client-id", "sso-local-server-port"} {
		flags.Lookup(name).Hidden = true
	}
}

// isSet reports whether a provider is named, completely or not.
func (f ssoFlags) isSet() bool { return f.issuer != "" || f.clientID != "" }

// check returns an error if a provider isn't named completely.
func (f ssoFlags) check() error {
	if f.issuer == "" || f.clientID == "" {
		return usageErrorf("--sso-issuer-url and --sso-client-id belong together")
	}
	return f.client().Check()
}

func (f ssoFlags) client() oidc.Client { return oidc.Client{Issuer: f.issuer, ID: f.clientID} }

// args returns the flags as arguments.
func (f ssoFlags) args() []string {
	args := []string{"--sso-issuer-url=" + f.issuer, "--sso-client-id=" + f.clientID}
	if f.port != 0 {
		args = append(args, "--sso-callback-port="+strconv.Itoa(f.port))
	}
	return args
}

// loginCommand returns the command that signs in at the provider.
func (f ssoFlags) loginCommand() string {
	line := "doks-auth auth login"
	for _, arg := range f.args() {
		name, value, _ := strings.Cut(arg, "=")
		line += " " + name + "=" + shellword.Quote(value, "…")
	}
	return shellword.Command(line)
}

// port is a flag's TCP port.
type port struct{ number *int }

// String, Set and Type implement pflag.Value.
func (p port) String() string {
	if p.number == nil || *p.number == 0 {
		return ""
	}
	return strconv.Itoa(*p.number)
}

func (p port) Type() string { return "port" }

func (p port) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return errors.New("it is not a port between 1 and 65535")
	}
	*p.number = int(number)
	return nil
}
