"""A port that is taken, and by whom."""

import os
import socket

from stagecraft import ports


def test_the_holder_of_a_port_is_named() -> None:
    """By its program's name and its process id; nobody, once it is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert f"(pid {os.getpid()})" in str(ports.holder(port))

    assert ports.holder(port) is None
