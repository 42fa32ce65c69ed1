//go:build unix

package atomicfile

import "os"

func rename(dir *os.Root, from, to string) error { return dir.Rename(from, to) }
