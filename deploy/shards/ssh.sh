#!/usr/bin/env bash
# One run from machines that you reach by ssh, with GNU parallel. Run in this project's CI.
#
# Needs dyno in the PATH of every machine, and rsync. Change the next three lines, or set the
# variables; the scenario's path is a relative one, for it is copied below each home:
hosts=${DYNO_HOSTS:-one.example,two.example,three.example}
scenario=${DYNO_SCENARIO:-scenarios/users.toml}
endpoint=${DYNO_ENDPOINT:-http://dynamodb.example:8000}
# For a server that checks none; empty where the machines have credentials of their own.
credentials=${DYNO_CREDENTIALS-AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any}
set -euo pipefail

dyno=${DYNO:-dyno}
count=$(tr ',' '\n' <<<"$hosts" | wc -l)
start=$(date -u -d "+${DYNO_LEAD:-60 sec}" +%FT%TZ)
results=${DYNO_RESULTS:-results/$(date -u +%Y%m%dT%H%M%SZ)}
mkdir -p "$results"
# PARALLEL_SEQ says which shard each one is. A shard that ends with 1 or more is not the end of
# the others, and the merger judges.
seq "$count" | parallel --sshlogin "$(sed 's/\(^\|,\)/\11\//g' <<<"$hosts")" --jobs 1 --tag \
    --transferfile "$scenario" --return "shard-{}.json" --cleanup \
    "env $credentials $dyno run $scenario --endpoint $endpoint --shards $count --start-at $start" \
    "--quiet --json > shard-{}.json" || true
mv shard-*.json "$results/"
exec "$dyno" merge "$results"/shard-*.json -o "$results/whole"
