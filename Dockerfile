# How every service is built: one graph of stages, whichever the service.
#   docker build .                                            echo, ready for production
#   docker build --build-arg SERVICE=health --target test .   one stage of another service
# What an image holds is of the platform that it is built for; every step runs on the platform that builds.
# A step either fetches, and then knows the network's CA, or it has no network.

# PYTHON_VERSION may be 3.11, 3.13 or 3.14
ARG PYTHON_VERSION=3.14
# PYTHON_IMAGE is an image of yours, in place of python's own
ARG PYTHON_IMAGE=python:${PYTHON_VERSION}-slim
# ROOTFS is what a service stands on: debian or hardened
ARG ROOTFS=debian
# FILE_TIME is when every file was written: 1980, not the clock's, so that two builds of one commit give one image
ARG FILE_TIME=315532800

# python is the image as it comes
FROM ${PYTHON_IMAGE} AS python

# debian is the Python image's files without an installer, with all bytecode, and with a user who owns nothing
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS debian
WORKDIR /rootfs
ARG FILE_TIME
RUN --network=none \
    --mount=type=bind,from=python,target=/python <<EOF
set -eu
case $(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') in
  3.11 | 3.13 | 3.14) ;;
  *) echo "$(python --version) is not supported, but 3.11, 3.13 and 3.14 are" >&2; exit 2 ;;
esac
: >/before
cp --archive /python/. .
# pip, and the one that venv would bring back
find . \( -path '*/bin/pip*' -o -path '*-packages/pip' -o -name 'pip-*.dist-info' -o -name 'pip-*.whl' \) -prune -exec rm -r {} +
# the date of a password's last change
export SOURCE_DATE_EPOCH="$FILE_TIME"
groupadd --prefix "$PWD" --gid 10001 appuser
useradd --prefix "$PWD" --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin appuser
# bytecode of the standard library: python's own images have none, and a service could not write any; some of its tests
# are wrong on purpose
library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
python -m compileall -q -s "$PWD" -p / -x /tests?/ --invalidation-mode unchecked-hash ".$library"
# the image's own places that anyone may write to, but /tmp
find . -type d -perm -o=w -not -path ./tmp -exec chmod o-w {} +
find . -newer /before -exec touch --no-dereference --date="@$FILE_TIME" {} +
EOF

# uv is the installer that uv.lock pins
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS uv
# a build secret named ca takes the place of this bundle, for networks whose proxy has a CA of its own; one named netrc
# is where it is looked for, with the tokens of private indexes
ENV NETRC=/run/secrets/netrc \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_FROZEN=1 \
    UV_LINK_MODE=copy \
    UV_NO_DEFAULT_GROUPS=1
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,source=tools/get_uv.py,target=tools/get_uv.py \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    python tools/get_uv.py /usr/local/bin

# hardened is those of debian's files that Python needs: no shell, no package manager
FROM uv AS hardened
WORKDIR /harden
ARG FILE_TIME
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --only-group harden
RUN --network=none \
    --mount=type=bind,from=debian,source=/rootfs,target=/debian \
    --mount=type=bind,source=tools/harden.py,target=tools/harden.py \
    .venv/bin/python tools/harden.py /debian /rootfs

# rootfs is one of the two
FROM ${ROOTFS} AS rootfs

# base is what every service runs on
FROM scratch AS base
LABEL dev.stagecraft.image=true
ENV PATH=/app/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=rootfs /rootfs /
EXPOSE 8000
# for `docker run` and compose: Kubernetes has probes of its own
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=2)"]

# needed is, for each service, what uv.lock says that it needs of others: a change of anything else ends here
FROM uv AS needed
WORKDIR /workspace
RUN --network=none \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=tools/needed.py,target=tools/needed.py \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    python tools/needed.py /needed
RUN --network=none \
    --mount=type=bind,source=libs,target=libs <<EOF
set -eu
for list in /needed/*/libs.txt; do
  service=${list%/*}
  mkdir "$service/libs"
  while read -r folder; do
    cp --recursive --parents "$folder/pyproject.toml" "$folder/src" "$service"
  done <"$list"
done
EOF

# own is what has to do with one service alone: its lock, and of some a front end or modules to compile
FROM uv AS own
ARG SERVICE=echo
# patterns, which may match nothing, from their first word on: that there is no such service, builder says better
WORKDIR /lock
COPY --from=needed /neede[d]/${SERVICE}/lock ./
WORKDIR /compiled
COPY service[s]/${SERVICE}/src/${SERVICE}/compile[d] ${SERVICE}/compiled/
WORKDIR /frontend
COPY service[s]/${SERVICE}/fronten[d] ./

# None that begins with what own has is told which service it is for: those for which that is the same share one run.
# frontend checks and bundles what the service sends to browsers, with a Node that never ships
FROM uv AS frontend
WORKDIR /frontend
ENV PATH=/frontend/.venv/bin:$PATH \
    NPM_CONFIG_AUDIT=false \
    NPM_CONFIG_CAFILE=$SSL_CERT_FILE \
    NPM_CONFIG_FUND=false \
    NPM_CONFIG_IGNORE_SCRIPTS=true \
    NPM_CONFIG_UPDATE_NOTIFIER=false
COPY --from=own /frontend/package*.json ./
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=cache,target=/root/.npm \
    if [ -e package.json ]; then uv sync --only-group frontend && npm ci; fi
COPY --from=own /frontend ./
RUN --network=none <<EOF
set -eu
mkdir /built
if [ -e package.json ]; then
  npm run check
  npm test
  npm run build -- /built
fi
EOF

# compiled has extensions in place of the modules in the service's package `compiled`
FROM uv AS compiled
WORKDIR /built
ARG TARGETARCH
COPY --from=own /compiled ./
# the compiler stays in the cache: no layer has it, and where there is nothing to compile it is not fetched
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,from=python,target=/python \
    --mount=type=bind,source=pyproject.toml,target=/workspace/pyproject.toml \
    --mount=type=bind,source=uv.lock,target=/workspace/uv.lock \
    --mount=type=bind,source=tools/compile_modules.py,target=/workspace/compile_modules.py \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=cache,target=/root/.cache/zig \
    --mount=type=tmpfs,target=/tmp <<EOF
set -eu
if [ -n "$(ls)" ]; then
  export UV_LINK_MODE=symlink UV_PROJECT_ENVIRONMENT=/tmp/.venv
  uv sync --project /workspace --only-group compile
  /tmp/.venv/bin/python /workspace/compile_modules.py
fi
EOF

# environment is what every service needs, installed once for all: what the chassis depends on
FROM uv AS environment
# the sources will be here: /app is what is copied from this stage
WORKDIR /src
ENV PATH=/app/.venv/bin:$PATH \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    PYTHONDONTWRITEBYTECODE=1 \
    UV_PROJECT_ENVIRONMENT=/app/.venv \
    VIRTUAL_ENV=/app/.venv
ARG FILE_TIME
ARG TARGETARCH
# wheels only, as a build would be for the platform that builds
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=cache,target=/root/.cache/uv <<EOF
set -eu
case $TARGETARCH in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "there are images for amd64 and arm64, but not for $TARGETARCH" >&2; exit 2 ;;
esac
echo "$machine-unknown-linux-gnu" >/platform
uv sync --no-install-workspace --package chassis --no-build --python-platform "$(cat /platform)" --compile-bytecode
rm /app/.venv/.lock
find /app -exec touch --no-dereference --date="@$FILE_TIME" {} +
EOF

# dependencies is what a service needs besides; a change of source leaves this layer alone
FROM environment AS dependencies
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,from=own,source=/lock,target=/lock \
    --mount=type=bind,source=tools/add_layer.sh,target=/usr/local/bin/add_layer \
    --mount=type=cache,target=/root/.cache/uv <<EOF
set -eu
if [ -e /lock/pylock.toml ]; then
  uv pip install --requirements /lock/pylock.toml --no-build --python-platform "$(cat /platform)"
fi
add_layer dependencies
EOF

# builder installs one service and the libraries it needs; what that adds is in /added/members, a layer of its own
FROM dependencies AS builder
LABEL dev.stagecraft.image=true
ARG SERVICE=echo
# patterns, as own has them: what is wrong is said below
COPY --from=needed /neede[d]/${SERVICE}/libs libs
COPY service[s]/${SERVICE}/pyproject.toml services/${SERVICE}/
COPY service[s]/${SERVICE}/src services/${SERVICE}/src
# no secret in this step: where a step has one, BuildKit may look at every file below it first
RUN --network=none \
    --mount=type=bind,from=frontend,source=/built,target=/frontend \
    --mount=type=bind,from=compiled,source=/built,target=/compiled \
    --mount=type=bind,from=needed,source=/needed/services.txt,target=/services.txt \
    --mount=type=bind,source=tools/add_layer.sh,target=/usr/local/bin/add_layer \
    --mount=type=tmpfs,target=/tmp <<EOF
set -eu
if ! grep --quiet --line-regexp --fixed-strings -- "$SERVICE" /services.txt; then
  echo "there is no service '$SERVICE', but there are:" >&2
  sed 's/^/  /' /services.txt >&2
  exit 2
fi
# whatever the umask was of who checked the sources out
chmod --recursive u=rwX,go=rX .
cp --archive "services/$SERVICE" /tmp/service
if [ -n "$(ls /compiled)" ]; then
  rm -r "/tmp/service/src/$SERVICE/compiled"
  cp --recursive /compiled/. /tmp/service/src
fi
for project in ./libs/*/pyproject.toml /tmp/service/pyproject.toml; do
  set -- "$@" "${project%/*}"
done
uv pip install --quiet --offline --no-cache --no-deps --no-sources "$@"
if [ -n "$(ls /frontend)" ]; then
  mkdir --parents /app/.venv/share
  cp --recursive /frontend "/app/.venv/share/$SERVICE"
fi
add_layer members
EOF

# test runs the service's tests in the environment that ships; a failing test fails the build
FROM builder AS test
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --inexact --only-group test
COPY services/${SERVICE}/test[s] services/${SERVICE}/tests
RUN --network=none \
    pytest "services/$SERVICE" --junit-xml=/reports/junit.xml \
    --cov="$SERVICE" --cov-report=term --cov-report=xml:/reports/coverage.xml

# reports is what a test run leaves to its caller
FROM scratch AS reports
COPY --from=test /reports /

# editable is the members as they are edited, and what reloads them
FROM builder AS editable
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=cache,target=/root/.cache/uv \
    cp --recursive /src/. . && uv sync --package "$SERVICE" --group development && rm .venv/.lock

# development reloads on an edit: mount the src folders over these, never /app, which holds the environment
FROM base AS development
ARG SERVICE=echo
ENV LOG_FORMAT=console \
    UVICORN_APP=${SERVICE}.app:create_app \
    UVICORN_FACTORY=true \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_RELOAD=true \
    UVICORN_RELOAD_DELAY=0 \
    UVICORN_RELOAD_DIRS=libs:services \
    UVICORN_SERVER_HEADER=false \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=1
COPY --from=editable /app /app
WORKDIR /app
COPY tools/reload.py tools/
USER 10001:10001
CMD ["python", "tools/reload.py"]

# production is base and an environment that only root can change
FROM base AS production
ARG SERVICE=echo
ARG REVISION=unknown
ENV REVISION=${REVISION} \
    SERVICE=${SERVICE}
# what all services have, what this one has besides, and its sources: only what has changed is a new layer
COPY --from=environment /app /app
WORKDIR /app
COPY --from=builder /added/dependencies /
COPY --from=builder /added/members /
USER 10001:10001
CMD ["gunicorn", "--config", "python:chassis.gunicorn"]
