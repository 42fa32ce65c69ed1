package oidctest

// FaultsOf is faultsOf, so that no fault goes without a test.
func FaultsOf(endpoint string) []string { return faultsOf(endpoint) }
