"""How gunicorn serves a service: ``SERVICE=echo gunicorn --config python:chassis.gunicorn``."""

import gc
import math
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import AfterValidator

from chassis import worker
from chassis.config import LIFESPAN_SECONDS, Settings


def _served(name: str) -> str:
    """Return `name` if it is that of a service installed here."""
    try:
        found = name.isidentifier() and find_spec(f"{name}.app")
    except ModuleNotFoundError:
        found = None
    if not found:
        raise ValueError(f"there is no module {name}.app to serve")
    return name


class _Server(Settings):
    service: Annotated[str, AfterValidator(_served)]


_settings = _Server.from_environment()

# As while chassis is imported; until when_ready.
gc.disable()

wsgi_app = f"{_settings.service}.app:create_app()"
# In brackets either kind of address is understood.
bind = f"[{_settings.host}]:{_settings.port}"
workers = _settings.web_concurrency
worker_class = worker.Worker
pre_request = worker.pre_request
# Loaded once, before the fork: a bad setting ends gunicorn itself, and workers share memory.
preload_app = True
# A lifespan that fails to start is an error, not an application without one.
asgi_lifespan = "on"
keepalive = 5
# Counted from SIGTERM.
graceful_timeout = math.ceil(_settings.drain_seconds) + _settings.graceful_seconds + LIFESPAN_SECONDS

# Memory: there may be no disk to write to, and a heartbeat on one can block the worker.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - gunicorn makes its file there with mkstemp
# A door that nobody uses, and that a read-only root has no place for.
control_socket_disable = True

# Nobody in front of us is trusted to name the client.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# chassis.logs has the only handler; gunicorn would add its own, and again on SIGHUP.
errorlog = None
loglevel = _settings.log_level


def when_ready(_: Any) -> None:
    """Collect garbage from now on, but not of what is loaded: workers share its memory, and exit sooner."""
    gc.freeze()
    gc.enable()
