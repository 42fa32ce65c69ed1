package cmd

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// flagError returns a pflag error without the values in it, because a mistyped flag may come with an access
// token. It shows flag names, and only those values that can't be an access token.
func flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(e)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return invalidValue(e)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("flag needs an argument: --%s", e.GetFlag().Name)
	}
	if _, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return errors.New("bad flag syntax")
	}
	return err
}

func unknownFlag(e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	switch {
	case e.GetSpecifiedShortnames() != "" && regexp.MustCompile("^[A-Za-z]").MatchString(name):
		return fmt.Errorf("unknown shorthand flag: %q", name[0])
	case e.GetSpecifiedShortnames() != "":
		return errors.New("unknown shorthand flag")
	case !regexp.MustCompile("^[A-Za-z][A-Za-z-]{0,39}$").MatchString(name):
		return errors.New("unknown flag")
	}
	return fmt.Errorf("unknown flag: --%s", name)
}

func invalidValue(e *pflag.InvalidValueError) error {
	flag, value := e.GetFlag(), ""
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + ", " + name
	}
	_, isOutput := flag.Value.(*output)
	if isOutput && isShownFormat(e.GetValue()) || e.GetValue() == "" {
		value = fmt.Sprintf("%q ", e.GetValue())
	}
	return fmt.Errorf("invalid argument %sfor %q flag: %s", value, name, invalidReason(e))
}

// isShownFormat reports whether a value of -o can be shown: it is a format's name or a short jsonpath template.
func isShownFormat(value string) bool {
	return regexp.MustCompile("^[a-z-]{1,20}$").MatchString(value) ||
		strings.HasPrefix(value, formatJSONPath) && len(value) <= show.MaxWord
}

// invalidReason returns why a value is invalid. It replaces the reasons of other packages, which quote the value.
func invalidReason(e *pflag.InvalidValueError) string {
	switch value := e.GetFlag().Value.(type) {
	case given, directory, scopeList, storage, versionFlag, port:
		return e.Unwrap().Error()
	case *output:
		if strings.HasPrefix(e.GetValue(), formatJSONPath) && !isShownFormat(e.GetValue()) {
			return "its template can't be parsed"
		}
		return e.Unwrap().Error()
	default:
		switch {
		case errors.Is(e.Unwrap(), strconv.ErrRange):
			return "it is out of range"
		case value.Type() == "int":
			return "it is not a number"
		case value.Type() == "duration":
			return "it is not a duration, such as 30s or 1m"
		case value.Type() == "bool":
			return "it is neither true nor false"
		}
		return "it can't be used"
	}
}
