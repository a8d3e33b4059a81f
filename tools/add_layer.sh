#!/bin/sh
# Copy what a step of the Dockerfile has added to /app into /added/$1, from where it becomes a layer of its own.
# What came before it has FILE_TIME, so anything newer is new.
set -eu
# cp takes the rights of folders from paths that are relative to here
cd /
# uv leaves a lock that anyone may write to, and in uv_cache.json the time
rm -f /app/.venv/.lock /app/.venv/lib/python3*/site-packages/*.dist-info/uv_cache.json
find /app -newermt "@$FILE_TIME" -name RECORD -exec sed -i /uv_cache.json/d {} +
# what others ship may be no Python of this version: a template, or a test
find /app -newermt "@$FILE_TIME" -name '*.py' -exec python -m compileall -q --invalidation-mode unchecked-hash {} + ||
  [ "$1" = dependencies ]
mkdir --parents "/added/$1"
find app -newermt "@$FILE_TIME" -not -type d -exec cp --archive --parents --target-directory "/added/$1" {} +
find /app /added -newermt "@$FILE_TIME" -exec touch --no-dereference --date="@$FILE_TIME" {} +
