package cmd

import (
	"context"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// readKubeconfig reads the kubeconfig files.
func (d *doctor) readKubeconfig(context.Context) ([]finding, func()) {
	config, err := kubeconfig.Read(d.files.paths(d.options))
	if err != nil {
		return []finding{failure("kubeconfig", err)}, nil
	}
	return nil, func() { d.config = config }
}

// checkFiles reports kubeconfig files that are missing, values for which clients refuse a file, and locks that were
// left.
func (d *doctor) checkFiles(context.Context) []finding {
	const check = "kubeconfig"
	var findings []finding
	existing := len(d.config.Files(false)) > 0
	for _, path := range d.config.Files(true) {
		f := ok(check, "%s doesn't exist", path)
		if !existing {
			f = warning(check, "'doks-auth kubeconfig save CLUSTER' creates it", "%s doesn't exist yet", path)
			existing = true // said once
		}
		findings = append(findings, f)
	}
	for _, problem := range d.config.Problems() {
		findings = append(findings, failuref(check, "fix the value: for it, clients refuse the whole file",
			"kubectl can't load %s: %s", problem.Path, problem))
	}
	for _, path := range d.files.paths(d.options) {
		for _, lock := range locksOf(path) {
			info, err := os.Lstat(lock)
			if err != nil {
				continue
			}
			hint := "if no program is using it, one that crashed left it behind: remove " +
				shellword.Quote(lock, "the lock file")
			findings = append(findings, warning(check, hint, "%s has a lock, %s old: until that is gone, "+
				"kubectl doesn't change the file", path, duration.HumanDuration(max(d.Now().Sub(info.ModTime()), 0))))
		}
	}
	return findings
}

// locksOf returns the paths of a kubeconfig's lock files: kubectl locks the path as given, doks-auth what a link
// leads to as well.
func locksOf(path string) []string {
	locks := []string{path + ".lock"}
	// The target may also be the same path in another spelling.
	if target, err := filepath.EvalSymlinks(path); err == nil && !sameFile(locks[0], target+".lock") {
		locks = append(locks, target+".lock")
	}
	return locks
}
