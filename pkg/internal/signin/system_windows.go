package signin

import (
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// systemBrowser returns the command that opens the default browser. ShellExecute, called here, would start the browser
// with the environment of this process. This one has what the system and the user have set for all programs.
func systemBrowser(url string) (*exec.Cmd, error) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return nil, err
	}
	var token windows.Token
	err = windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_QUERY|windows.TOKEN_DUPLICATE, &token)
	if err != nil {
		return nil, err
	}
	defer token.Close()
	const inherit = false
	env, err := token.Environ(inherit)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(dir, "rundll32.exe"), "url.dll,FileProtocolHandler", url)
	cmd.Env, cmd.Dir = env, dir
	return cmd, nil
}
