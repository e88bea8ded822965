#!/bin/sh
# Makes the secret files that compose.yaml names, in docker/secrets, each once: run again, it leaves them as they are.
set -eu
folder="$(dirname "$0")/secrets"
umask 077
mkdir -p "$folder"
# Files are bind mounts for users of the containers, so they are readable; the folder keeps others of this machine out.
chmod 700 "$folder"
for name in mongo_root_password mongo_exfolio_password mongo_reader_password; do
    [ -s "$folder/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$folder/$name"
done
# At most 1024 characters of base64: https://www.mongodb.com/docs/manual/core/security-internal-authentication/
[ -s "$folder/mongo_keyfile" ] || head -c 756 /dev/urandom | base64 > "$folder/mongo_keyfile"
# For a key of the Materials Project, if you have one: compose wants the file in any case.
[ -e "$folder/mp_api_key" ] || : > "$folder/mp_api_key"
chmod 444 "$folder"/*
echo "secrets are in $folder"
