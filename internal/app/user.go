package app

// InviteURL returns the address that enrols whoever has the token.
func (a *App) InviteURL(token string) string { return a.c.base() + "/signin/invite/" + token }
