package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"
)

// compareShared compares a hit in a shared cache, by a machine whose own is empty, with a hit in its own, and with
// fetching a credential.
func (b *bench) compareShared(ctx context.Context, byEnv command, pairs int) error {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	file := filepath.Join(b.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	fetch := byEnv
	fetch.env = append(byEnv.env[:len(byEnv.env):len(byEnv.env)],
		"DOKS_AUTH_CACHE_DIR="+filepath.Join(file, "none")) // a cache that stays empty
	shared := fetch
	shared.env = append(fetch.env[:len(fetch.env):len(fetch.env)], "DOKS_AUTH_SHARED_CACHE=redis://"+server.Addr())
	if _, _, err := b.run(ctx, shared, 0); err != nil { // fills it
		return err
	}
	if err := b.compare(ctx, "hit in a shared cache / hit", shared, byEnv, pairs); err != nil {
		return err
	}
	return b.compare(ctx, "fetching a credential / hit", fetch, byEnv, pairs)
}
