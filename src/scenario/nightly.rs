//! How a scenario is watched night by night.

use crate::units::Share;

/// `[nightly]` of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nightly {
    /// Runs of one night, from 3 to 25.
    pub repeats: u32,
    /// Relative difference that is allowed to numbers that are the same in every repeat.
    pub exact_tolerance: Share,
}

impl Default for Nightly {
    fn default() -> Self {
        Self {
            repeats: 5,
            exact_tolerance: Share::NONE,
        }
    }
}
