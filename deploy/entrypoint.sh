#!/bin/sh
# The password comes from a file, so that neither the compose file nor `docker inspect` shows it.
set -eu
if [ -n "${DATABASE_PASSWORD_FILE:-}" ]; then
  if [ ! -r "$DATABASE_PASSWORD_FILE" ]; then
    echo "PASSWORD_UNREADABLE: $DATABASE_PASSWORD_FILE is not readable by uid $(id -u)." \
      "chown the file on the host to that uid." >&2
    exit 2
  fi
  PGPASSWORD="$(cat "$DATABASE_PASSWORD_FILE")"
  export PGPASSWORD
  unset DATABASE_PASSWORD_FILE
fi
exec "$@"
