package picker

import (
	"os"

	"golang.org/x/term"
)

// Open puts the terminal that in and out are into raw mode.
func Open(in, out *os.File) (*Terminal, error) {
	if err := enableSequences(out); err != nil {
		return nil, err
	}
	fd := int(in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	size := func() (width, height int) {
		width, height, err := term.GetSize(int(out.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}
	return &Terminal{In: in, Out: out, Size: size, Restore: func() { term.Restore(fd, before) }}, nil
}
