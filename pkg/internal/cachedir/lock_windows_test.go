package cachedir

// systemSpoilers are spoilers for this system: Windows has none but those of all systems, unless links are allowed.
var systemSpoilers map[string]func(path string) error
