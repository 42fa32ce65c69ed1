package boundedfile

import "os"

const flags = os.O_RDONLY
