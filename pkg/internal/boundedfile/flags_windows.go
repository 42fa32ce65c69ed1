package boundedfile

import "os"

// Flags open a file for reading, without waiting for a writer if it is a pipe.
const Flags = os.O_RDONLY
