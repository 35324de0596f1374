# Short names for what the README and `.ci/run` do.

# The main job.
run scenario="scenarios/users.toml":
    cargo run --release -- run {{scenario}}

# Everything that can be tested here.
test:
    cargo test

# The sample reports in `reports/` and the README's picture, made anew.
sample:
    reports/make-samples

# What has to pass before a commit lands.
ci:
    .ci/run

# Snapshots after an intended change: read the diff before committing it.
snapshots:
    INSTA_UPDATE=always cargo test --test it
