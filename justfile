# Short names for what the README and `.ci/run` do.

# The main job.
run scenario="scenarios/users.toml":
    cargo run --release -- run {{scenario}}

# Everything that can be tested here.
test:
    cargo test

# The sample report in `reports/`, made anew. The scenario fails its threshold, which is its point.
sample:
    cargo build --release
    -./target/release/dyno run scenarios/users.toml --out target/sample
    cp "$(ls -d target/sample/*-users/report.html | tail -1)" reports/users.html

# What has to pass before a commit lands.
ci:
    .ci/run

# Snapshots after an intended change: read the diff before committing it.
snapshots:
    INSTA_UPDATE=always cargo test --test it
