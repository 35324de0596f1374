//! What a client's retries amount to in the worst case. [SMITHY]

/// Longest total wait of `retries` retries, in seconds: `base` doubling up to `cap`, no jitter.
#[must_use]
pub fn longest_wait(base: f64, cap: f64, retries: u32) -> f64 {
    (0..retries)
        .map(|n| (base * 2_f64.powf(f64::from(n))).min(cap))
        .sum()
}

/// Retries that a token bucket of `capacity` allows before it is empty.
#[must_use]
pub const fn before_empty(capacity: u64, cost: u64) -> u64 {
    capacity / cost
}
