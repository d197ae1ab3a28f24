package app

import (
	"hale/internal/base/outbound"
	"hale/internal/face/outreachapi"
	"hale/internal/reach/hook"
)

// openHooks makes what other programs ask with and are told by.
func (a *App) openHooks() error {
	own := len(a.c.HookHosts) > 0 // an operator's list: they may lie in the operator's own network
	client, err := outbound.New(outbound.Config{Hosts: a.c.HookHosts, Private: own, MaxBody: 1 << 20, PerHost: 4})
	if err != nil {
		return err
	}
	a.Hooks = hook.New(hook.Config{DB: a.db, IDs: a.ids, Keys: a.Keys, Client: client, Plain: own, Now: a.c.Now, Log: a.c.Log})
	return nil
}

// outreachAPI answers programs that ask for messages.
func (a *App) outreachAPI() *outreachapi.API {
	return outreachapi.New(outreachapi.Config{Doors: a.Doors, Engine: a.Reach, Hooks: a.Hooks, DB: a.db, Log: a.c.Log})
}
