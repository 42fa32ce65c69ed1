package filelock

import "os"

const flags = os.O_RDONLY
