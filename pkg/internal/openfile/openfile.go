// Package openfile opens and creates files for what package os can't do on Windows: there, a file that package os has
// opened can't be replaced or removed until it is closed, and others may read a new file if they may read its
// directory.
package openfile
