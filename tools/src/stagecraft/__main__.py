"""`python -m stagecraft` is `stagecraft`."""

from stagecraft.cli import main

main()
