"""Run other programs."""

import os
import shlex
import subprocess
from collections.abc import Mapping

from stagecraft.problem import Problem
from stagecraft.project import ROOT


def run(*command: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> None:
    """Run a command at the repository's root, its output in the terminal.

    Args:
        command: The program and its arguments.
        env: Variables added to this process's own.
        stdin: What it reads; None for what this process would read.

    Raises:
        Problem: It ended with another code than 0.
    """
    done = subprocess.run(command, check=False, cwd=ROOT, env=os.environ | (env or {}), input=stdin, text=True)
    code = done.returncode
    if code:
        raise Problem(f"`{shlex.join(command)}` ended with code {code}", "See its output above.")


def quiet(*command: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run a command at the repository's root and give what it prints on stdout, stripped.

    Args:
        command: The program and its arguments.
        env: Variables added to this process's own.
        stdin: What it reads.

    Raises:
        Problem: It ended with another code than 0; its last words are the advice.
    """
    known = os.environ | (env or {})
    done = subprocess.run(command, check=False, capture_output=True, cwd=ROOT, env=known, input=stdin or "", text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip()[-3000:]
        raise Problem(f"`{shlex.join(command)}` ended with code {done.returncode}", last)
    return done.stdout.strip()


def output(*command: str, timeout: float | None = None) -> str | None:
    """Give what a command prints on stdout, stripped.

    Args:
        command: The program and its arguments.
        timeout: How many seconds it may take.

    Returns:
        Its output, or None where it is missing, fails or takes longer.
    """
    try:
        done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, text=True, timeout=timeout)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
