package accounts

// TokenOf returns the access token that was found.
func TokenOf(a *Account) string {
	if a == nil {
		return ""
	}
	return a.token.Reveal()
}
