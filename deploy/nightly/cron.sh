#!/usr/bin/env bash
# A night without a pipeline. In a crontab:
#
#   17 3 * * *  /path/to/cron.sh /path/to/checkout /var/lib/dyno-nightly
#
# Exit codes are those of dyno: 0 pass, 1 something is worse, 2 bad input, 3 the night is
# invalid, 130 interrupted. cron mails what is printed; with 0 nothing is.
set -u
checkout=${1:?the checkout that holds scenarios/}
state=${2:?the folder that remembers every night}
mkdir -p "$state"
cd "$checkout" || exit 2
# A night that is still running is not disturbed by the next one.
exec 9>"$state/lock"
flock --nonblock 9 || { echo "the last night is still running"; exit 2; }
dyno nightly scenarios/ --history "$state/history.jsonl" --out "$state/report" >"$state/last.txt" 2>&1
code=$?
[ "$code" -eq 0 ] || cat "$state/last.txt"
exit "$code"
