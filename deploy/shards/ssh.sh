#!/usr/bin/env bash
# Not run over ssh here, only on the machine itself (hosts `:`).
# One run from machines that you reach by ssh, with GNU parallel.
#
# Needs dyno in the PATH of every machine. Change the next three lines, or set the variables:
hosts=${DYNO_HOSTS:-one.example,two.example,three.example}
scenario=${DYNO_SCENARIO:-scenarios/users.toml}
endpoint=${DYNO_ENDPOINT:-http://dynamodb.example:8000}
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
    "$dyno run $scenario --endpoint $endpoint --shards $count --start-at $start" \
    "--quiet --json > shard-{}.json" || true
mv shard-*.json "$results/"
exec "$dyno" merge "$results"/shard-*.json -o "$results/whole"
