"""What every test may count on, however the suite was started."""

from __future__ import annotations

import signal

# A shell starts what runs in its background with interrupts ignored, and that is inherited by every process the tests
# start. A handler of ours is not.
signal.signal(signal.SIGINT, signal.default_int_handler)
