# How every service is built: one graph of stages, whichever the service.
#   docker build .                                            echo, ready for production
#   docker build --build-arg SERVICE=health --target test .   one stage of another service
# What an image holds is of the platform that it is built for; every step runs on the platform that builds.

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

# debian is the Python image's files without an installer, and with a user who owns nothing
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS debian
WORKDIR /rootfs
ARG FILE_TIME
RUN --mount=type=bind,from=python,target=/python <<EOF
set -eu
case $(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') in
  3.11 | 3.13 | 3.14) ;;
  *) echo "$(python --version) is not supported, but 3.11, 3.13 and 3.14 are" >&2; exit 2 ;;
esac
touch /before
cp --archive /python/. .
# pip, and the one that venv would bring back
find . \( -path '*/bin/pip*' -o -path '*-packages/pip' -o -name 'pip-*.dist-info' -o -name 'pip-*.whl' \) -prune -exec rm -r {} +
# the date of a password's last change
export SOURCE_DATE_EPOCH="$FILE_TIME"
groupadd --prefix "$PWD" --gid 10001 appuser
useradd --prefix "$PWD" --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin appuser
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
RUN --mount=type=bind,from=debian,source=/rootfs,target=/debian \
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

# service is where everything of one service starts: there has to be such a service
FROM uv AS service
ARG SERVICE=echo
RUN --mount=type=bind,source=uv.lock,target=uv.lock <<EOF
set -eu
if ! grep -q "editable = \"services/$SERVICE\"" uv.lock; then
  echo "there is no service '$SERVICE', but there are:" >&2
  sed -n 's|^source = { editable = "services/\(.*\)" }$|  \1|p' uv.lock >&2
  exit 2
fi
EOF

# libraries is those of libs/ that the service needs: an edit of another one ends here
FROM service AS libraries
RUN --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=libs,target=libs <<EOF
#!/usr/bin/env python3
import os, pathlib, shutil, tomllib

packages = {package["name"]: package for package in tomllib.loads(pathlib.Path("uv.lock").read_text())["package"]}
folders = {name: package["source"].get("editable", "") for name, package in packages.items()}
needed = [name for name, folder in folders.items() if folder == "services/" + os.environ["SERVICE"]]
for name in needed:
    needed += [one["name"] for one in packages[name].get("dependencies", []) if one["name"] not in needed]
pathlib.Path("/chosen").mkdir()
for folder in {folders[name] for name in needed if folders[name].startswith("libs/")}:
    shutil.copytree(folder + "/src", "/chosen/" + folder + "/src")
    shutil.copy(folder + "/pyproject.toml", "/chosen/" + folder)
EOF

# frontend checks and bundles what the service sends to browsers, with a Node that never ships
FROM service AS frontend
WORKDIR /frontend
ENV PATH=/frontend/.venv/bin:$PATH \
    NPM_CONFIG_AUDIT=false \
    NPM_CONFIG_CAFILE=$SSL_CERT_FILE \
    NPM_CONFIG_FUND=false \
    NPM_CONFIG_IGNORE_SCRIPTS=true \
    NPM_CONFIG_UPDATE_NOTIFIER=false
ARG FILE_TIME
# a pattern, which may match nothing: most services have no front end
COPY services/${SERVICE}/fronten[d]/package*.json ./
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=cache,target=/root/.npm \
    if [ -e package.json ]; then uv sync --only-group frontend && npm ci; fi
COPY services/${SERVICE}/fronten[d] ./
RUN <<EOF
set -eu
mkdir /built
if [ -e package.json ]; then
  npm run check
  npm test
  npm run build -- "/built/share/$SERVICE"
fi
find /built -exec touch --date="@$FILE_TIME" {} +
EOF

# compiled is the service with extensions in place of the modules that it wants compiled
FROM service AS compiled
WORKDIR /service
ARG TARGETARCH
# patterns, since a linter that does not know SERVICE would miss a plain path
COPY services/${SERVICE}/pyproject.tom[l] ./
COPY services/${SERVICE}/sr[c] src
# the compiler stays in the cache: no layer has it, and a service that wants nothing compiled does not fetch it
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
if grep -qs '^\[tool.mypyc\]' pyproject.toml; then
  export UV_LINK_MODE=symlink UV_PROJECT_ENVIRONMENT=/tmp/.venv
  uv sync --project /workspace --only-group compile
  /tmp/.venv/bin/python /workspace/compile_modules.py
fi
EOF

# builder installs one service and the libraries it needs into /app/.venv
FROM service AS builder
LABEL dev.stagecraft.image=true
# the sources are here: /app is what is copied from this stage
WORKDIR /src
ENV PATH=/app/.venv/bin:$PATH \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    PYTHONDONTWRITEBYTECODE=1 \
    UV_PROJECT_ENVIRONMENT=/app/.venv \
    VIRTUAL_ENV=/app/.venv
ARG FILE_TIME
ARG TARGETARCH
# dependencies first: a change of source leaves this layer alone; wheels only, as a build would be for the platform that builds
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
uv sync --no-install-workspace --package "$SERVICE" --no-build --python-platform "$machine-unknown-linux-gnu" --compile-bytecode
rm /app/.venv/.lock
mkdir --parents /below/app
echo "$SERVICE" >/below/app/service
find /app /below -exec touch --no-dereference --date="@$FILE_TIME" {} +
EOF

COPY pyproject.toml uv.lock ./
COPY --from=libraries /chosen ./
COPY services/${SERVICE}/pyproject.tom[l] services/${SERVICE}/
COPY services/${SERVICE}/sr[c] services/${SERVICE}/src
COPY --from=compiled /service /service
# uv leaves a lock that anyone may write to, and in uv_cache.json the time
RUN <<EOF
set -eu
# whatever the umask was of who checked the sources out
chmod --recursive u=rwX,go=rX . /service
for project in ./libs/*/pyproject.toml /service/pyproject.toml; do
  set -- "$@" "${project%/*}"
done
uv pip install --quiet --offline --no-cache --no-deps "$@"
rm /app/.venv/.lock /app/.venv/lib/python3*/site-packages/*.dist-info/uv_cache.json
find /app -newermt "@$FILE_TIME" -name RECORD -exec sed -i /uv_cache.json/d {} +
find /app -newermt "@$FILE_TIME" -name '*.py' -exec python -m compileall -q --invalidation-mode unchecked-hash {} +
find /app -newermt "@$FILE_TIME" -exec touch --no-dereference --date="@$FILE_TIME" {} +
EOF

# not COPY, which would leave the clock's time on .venv
RUN --mount=type=bind,from=frontend,source=/built,target=/built cp --archive /built/. /app/.venv

# test runs the service's tests in the environment that ships; a failing test fails the build
FROM builder AS test
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,required=false \
    --mount=type=secret,id=netrc \
    --mount=type=cache,target=/root/.cache/uv \
    uv sync --inexact --only-group test
COPY services/${SERVICE}/test[s] services/${SERVICE}/tests
RUN pytest "services/$SERVICE" --junit-xml=/reports/junit.xml \
    --cov="$SERVICE" --cov-report=term --cov-report=xml:/reports/coverage.xml

# reports is what a test run leaves to its caller
FROM scratch AS reports
COPY --from=test /reports /

# editable is the members as they are edited, and what reloads them
FROM builder AS editable
WORKDIR /app
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
# The service's name first, in a layer of its own: the engine's own store orders a layer's files by whether it knows
# the layer below from another build, and this one it never does in a build from nothing.
COPY --from=builder /below /
COPY --from=builder /app /app
WORKDIR /app
USER 10001:10001
CMD ["gunicorn", "--config", "python:chassis.gunicorn"]
