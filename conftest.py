"""What all tests share, wherever they are."""

import signal

# Ctrl-C ends commands under test as in any terminal, though whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
