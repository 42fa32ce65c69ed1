package atomicfile

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const (
	patience = 2 * time.Second
	maxPause = 16 * time.Millisecond
)

// rename retries for a while: Windows doesn't replace a file that a program has opened without sharing it. On file
// systems without POSIX semantics, such as FAT and some shares in networks, it replaces no file that is open at all.
func rename(dir *os.Root, from, to string) error {
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, maxPause) {
		err := dir.Rename(from, to)
		if err == nil || !time.Now().Before(end) {
			return err
		}
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		if info, statErr := dir.Lstat(to); statErr == nil && info.IsDir() {
			return err
		}
		time.Sleep(pause/2 + rand.N(pause))
	}
}
