"""What stops a command: said in full to a person, told by its exit code to a script."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `stagecraft`, and so of the Makefile's recipes."""

    FAILED = 1
    """What was asked for was done, and is not good: a build, a test or a smoke case failed."""
    USAGE = 2
    """The command or a variable is wrong: nothing was done."""
    MISSING = 3
    """The machine lacks something: nothing was done."""
    BUSY = 4
    """A port is taken: nothing was done."""


class Problem(Exception):  # noqa: N818 - it is told to a person as a problem, not as an error
    """Something that ends a command: what happened and why, and what to do next."""

    def __init__(self, what: str, advice: str = "", code: Exit = Exit.FAILED) -> None:
        """Take what happened, what to do next (may be empty) and the exit code."""
        super().__init__(what)
        # for a traceback, such as a test's
        self.add_note(advice)
        self.advice = advice
        self.code = code
