"""``calldron dialer`` under libfaketime, which its media process must not inherit: under it a sleep until a moment that
has just passed fails (EINVAL), and only monotonic time counts there."""

import os
import sys

from calldron.cli import main

if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    sys.argv[1:] = ["dialer"]
    main()
