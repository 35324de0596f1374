//! Scenarios to start from: commented, and valid as they are.

/// Is the provisioned capacity enough for this traffic?
pub const SIZING: &str = include_str!("templates/sizing.toml");
/// Do a few keys get more than one partition serves?
pub const KEYS: &str = include_str!("templates/keys.toml");
