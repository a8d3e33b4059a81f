"""This machine's bundle of CA certificates, which holds a company proxy's own CA where there is one."""

import os
import ssl
from pathlib import Path

from stagecraft.problem import Exit, Problem

DEBIAN = Path("/etc/ssl/certs/ca-certificates.crt")


def bundle() -> str:
    """Give the path of the bundle: SSL_CERT_FILE, or where the system keeps it; "" where there is none.

    Raises:
        Problem: SSL_CERT_FILE names no file.
    """
    chosen = os.environ.get("SSL_CERT_FILE")
    if chosen and not Path(chosen).is_file():
        raise Problem(f"SSL_CERT_FILE={chosen} is no file", "Unset it, or name a bundle in PEM form.", Exit.USAGE)
    usual = [str(DEBIAN), ssl.get_default_verify_paths().cafile or ""]
    return chosen or next((path for path in usual if Path(path).is_file()), "")
