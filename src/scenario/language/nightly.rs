//! What `dyno nightly` does with a scenario.

use super::{Form, SHARE, Section, optional};

/// `[nightly]`.
pub static NIGHTLY: Section = Section {
    id: "nightly",
    title: "[nightly]",
    selector: None,
    doc: "Marks the scenario for `dyno nightly`. It may be empty, and changes nothing of a run.",
    keys: &[
        optional(
            "repeats",
            Form::Count { min: 3, max: 25 },
            "Runs of one night, each in a process of its own; their median is judged. Default 5.",
        ),
        optional(
            "exact_tolerance",
            SHARE,
            "Relative difference that is allowed to numbers that are the same in every repeat, such as units per request. Default 0 %.",
        ),
    ],
};
