package kubeconfig

import (
	"cmp"
	"slices"
)

// entry is an entry of one of the three lists.
type entry interface{ ref() ref }

// ref says which entry it is.
type ref struct {
	file *file
	name string
}

func (c Cluster) ref() ref { return ref{c.file, c.Name} }
func (c Context) ref() ref { return ref{c.file, c.Name} }
func (u User) ref() ref    { return ref{u.file, u.Name} }

// index finds the entries of a list.
type index[E entry] struct {
	all     []E
	visible map[string]E // by name
	byRef   map[ref]E
}

func newIndex[E entry](visible, hidden []E) index[E] {
	x := index[E]{slices.Concat(visible, hidden), make(map[string]E), make(map[ref]E)}
	for _, e := range visible {
		x.visible[e.ref().name] = e
	}
	for _, e := range x.all {
		x.byRef[e.ref()] = e
	}
	return x
}

// isHidden reports whether an earlier file has an entry of the same name.
func (x index[E]) isHidden(e E) bool { return x.visible[e.ref().name].ref() != e.ref() }

// meant returns the entry that a context names. A hidden context means its own file's, if that has one.
func (x index[E]) meant(by Context, isHidden bool, name string) (E, bool) {
	if e, ok := x.byRef[ref{by.file, name}]; ok && isHidden {
		return e, true
	}
	e, ok := x.visible[name]
	return e, ok
}

// splitByName returns the first file's entry of each name, and the entries that these hide.
func splitByName[E entry](files []*file, entries []E) (visible, hidden []E) {
	slices.SortStableFunc(entries, func(a, b E) int {
		return cmp.Compare(slices.Index(files, a.ref().file), slices.Index(files, b.ref().file))
	})
	seen := make(map[string]bool)
	for _, e := range entries {
		put(!seen[e.ref().name], &visible, &hidden, e)
		seen[e.ref().name] = true
	}
	return visible, hidden
}
