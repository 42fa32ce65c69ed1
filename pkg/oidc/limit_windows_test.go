package oidc_test

func limitFiles(int) { panic("not on Windows") }
