package boundedfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct {
		path string
		want string
		err  error
	}{
		"small":     {path: write("small", "text"), want: "text"},
		"empty":     {path: write("empty", ""), want: ""},
		"full":      {path: write("full", "12345678"), want: "12345678"},
		"too large": {path: write("large", "123456789"), err: ErrTooLarge},
		"absent":    {path: filepath.Join(dir, "absent"), err: os.ErrNotExist},
		"directory": {path: dir, err: ErrNotRegular},
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		tests["device"] = struct {
			path string
			want string
			err  error
		}{path: "/dev/zero", err: ErrNotRegular}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Read(test.path, 8)
			if string(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}
}
