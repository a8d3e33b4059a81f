# How every service is built: one graph of stages, whichever the service.
#   docker build .                                            echo, ready for production
#   docker build --build-arg SERVICE=health --target test .   one stage of another service

# PYTHON_VERSION may be 3.11, 3.13 or 3.14
ARG PYTHON_VERSION=3.14
# PYTHON_IMAGE is an image of yours, in place of python's own
ARG PYTHON_IMAGE=python:${PYTHON_VERSION}-slim

# base is what every service runs on: the interpreter without an installer, and a user who owns nothing
FROM ${PYTHON_IMAGE} AS base
LABEL dev.stagecraft.image=true
ENV PATH=/app/.venv/bin:$PATH \
    PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN <<EOF
set -eu
case $(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') in
  3.11 | 3.13 | 3.14) ;;
  *) echo "$(python --version) is not supported, but 3.11, 3.13 and 3.14 are" >&2; exit 2 ;;
esac
python -m pip uninstall --quiet --yes --root-user-action ignore pip
# and the pip that venv would bring back
find / -xdev -name 'pip-*.whl' -delete
groupadd --gid 10001 appuser
useradd --uid 10001 --gid appuser --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin appuser
# the image's own places that anyone may write to, but /tmp
chmod o-w /run/lock /var/tmp
EOF

WORKDIR /app
EXPOSE 8000
# for `docker run` and compose: Kubernetes has probes of its own
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=2)"]

# builder installs one service and the libraries it needs into /app/.venv
FROM base AS builder
# a build secret named ca takes the place of this bundle, for networks whose proxy has a CA of its own
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_COMPILE_BYTECODE=1 \
    UV_FROZEN=1 \
    UV_LINK_MODE=copy \
    UV_NO_DEFAULT_GROUPS=1
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=bind,source=tools/get_uv.py,target=tools/get_uv.py \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    python tools/get_uv.py /usr/local/bin
ARG SERVICE=echo
# dependencies first: a change of source leaves this layer alone
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=cache,target=/root/.cache/uv <<EOF
set -eu
if ! grep -q "editable = \"services/$SERVICE\"" uv.lock; then
  echo "there is no service '$SERVICE', but there are:" >&2
  sed -n 's|^source = { editable = "services/\(.*\)" }$|  \1|p' uv.lock >&2
  exit 2
fi
uv sync --no-install-workspace --package "$SERVICE"
EOF

COPY pyproject.toml uv.lock ./
COPY libs libs
# as patterns, which may match nothing: a wrong SERVICE gets the message above
COPY services/${SERVICE}/pyproject.tom[l] services/${SERVICE}/
COPY services/${SERVICE}/sr[c] services/${SERVICE}/src
# uv leaves a lock that anyone may write to
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --offline --no-editable --package "$SERVICE" && rm .venv/.lock

# test runs the service's tests in the environment that ships; a failing test fails the build
FROM builder AS test
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --inexact --only-group test
COPY services/${SERVICE}/test[s] services/${SERVICE}/tests
RUN pytest "services/$SERVICE" --junit-xml=/reports/junit.xml \
    --cov="$SERVICE" --cov-report=term --cov-report=xml:/reports/coverage.xml

# reports is what a test run leaves to its caller
FROM scratch AS reports
COPY --from=test /reports /

# development reloads on an edit: mount the src folders over these, never /app, which holds the environment
FROM builder AS development
ENV LOG_FORMAT=console \
    UVICORN_APP=${SERVICE}.app:create_app \
    UVICORN_FACTORY=true \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_RELOAD=true \
    UVICORN_RELOAD_DELAY=0 \
    UVICORN_RELOAD_DIRS=libs:services \
    UVICORN_SERVER_HEADER=false \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=1
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --package "$SERVICE" --group development && rm .venv/.lock
COPY tools/reload.py tools/
USER 10001:10001
CMD ["python", "tools/reload.py"]

# production is base and one layer: an environment that only root can change
FROM base AS production
ARG SERVICE=echo
ARG REVISION=unknown
ENV REVISION=${REVISION} \
    SERVICE=${SERVICE}
COPY --link --from=builder /app/.venv /app/.venv
USER 10001:10001
CMD ["gunicorn", "--config", "python:chassis.gunicorn"]
