package cachedir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const nobody = 65534

func TestCheck(t *testing.T) {
	top := t.TempDir()
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{ // by path: in the error; "": no error
		"":                           "there is no cache directory",
		top:                          "",
		filepath.Join(top, "a", "b"): "",
		file:                         "is not a directory",
		filepath.Join(file, "below"): "not a directory",
	}
	if os.Geteuid() == 0 {
		foreign := filepath.Join(top, "foreign")
		if err := errors.Join(os.Mkdir(foreign, 0o700), os.Chown(foreign, nobody, nobody)); err != nil {
			t.Skip(err)
		}
		tests[foreign] = "belongs to user 65534, and this is user 0"
	}
	for path, want := range tests {
		err := Check(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
	if files, err := os.ReadDir(top); err != nil || len(files) > 2 {
		t.Errorf("got files %v, %v; want no new ones", files, err)
	}
}
