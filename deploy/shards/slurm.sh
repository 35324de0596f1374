#!/usr/bin/env bash
# One run from a Slurm array: as many shards as the array has tasks. Run in this project's CI.
#
# Change the array's size below and the next three lines, then, on the submitting machine:
#
#   export DYNO_START=$(date -u -d '+2 min' +%FT%TZ)      # time for all tasks to start and load
#   array=$(sbatch --parsable deploy/shards/slurm.sh)
#   sbatch --dependency=afterany:"$array" --wrap 'dyno merge results/*-shard-* -o results/whole'
#
#SBATCH --job-name=dyno
#SBATCH --array=0-9
#SBATCH --ntasks=1
scenario=${DYNO_SCENARIO:-scenarios/users.toml}
endpoint=${DYNO_ENDPOINT:-http://dynamodb.example:8000}
results=${DYNO_RESULTS:-results}    # a folder that all nodes share
# For a server that checks none.
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-any} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-any}

# Which shard this is, and of how many, dyno reads from SLURM_ARRAY_TASK_ID, _MIN and _COUNT.
exec "${DYNO:-dyno}" run "$scenario" --endpoint "$endpoint" --out "$results" \
    --start-at "${DYNO_START:?an instant to come, the same for all shards}" --progress plain
