//go:build !linux

package kubeconfig

import "errors"

const editMounted = "DOKS_AUTH_TEST_EDIT_MOUNTED"

func runMounted(string) error { return errors.ErrUnsupported }
