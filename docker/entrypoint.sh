#!/bin/sh
# Makes the URI of the database from its parts and the password of a secret file, then becomes exfolio.
# MONGO_HOSTS, MONGO_USER, MONGO_PASSWORD_FILE; MONGO_REPLICA_SET is exfolio if it is not given.
# MP_API_KEY_FILE holds a key of the Materials Project; empty means that there is none.
set -eu

if [ -n "${MONGO_PASSWORD_FILE:-}" ]; then
    # Not in the container's own environment, so that `docker inspect` doesn't show it.
    EXFOLIO_MONGO_URI=$(
        python - "$MONGO_PASSWORD_FILE" <<'PYTHON'
import os, sys
from pathlib import Path
from urllib.parse import quote_plus

try:
    password = Path(sys.argv[1]).read_text(encoding="utf-8").strip()
except OSError as error:
    sys.exit(f"the password file can't be read: {error}")
if not password:
    sys.exit(f"the password file {sys.argv[1]} is empty")
names = ("MONGO_USER", "MONGO_HOSTS")
if missing := [name for name in names if not os.environ.get(name)]:
    sys.exit(f"{' and '.join(missing)} must be set beside MONGO_PASSWORD_FILE")
user, hosts = (os.environ[name] for name in names)
name = os.environ.get("MONGO_REPLICA_SET") or "exfolio"
print(f"mongodb://{quote_plus(user)}:{quote_plus(password)}@{hosts}/?authSource=admin&replicaSet={name}")
PYTHON
    )
    export EXFOLIO_MONGO_URI
fi

if [ -n "${MP_API_KEY_FILE:-}" ]; then
    [ -r "$MP_API_KEY_FILE" ] || { echo "the key file $MP_API_KEY_FILE can't be read" >&2; exit 2; }
    EXFOLIO_MP_API_KEY=$(tr -d '[:space:]' <"$MP_API_KEY_FILE")
    if [ -n "$EXFOLIO_MP_API_KEY" ]; then export EXFOLIO_MP_API_KEY; else unset EXFOLIO_MP_API_KEY; fi
fi

exec exfolio "$@"
