//! When requests are due.

use super::{
    DURATION, DURATION_OR_NONE, Form, Section, TRAFFIC, TRAFFIC_OR_NONE, optional, required,
};

/// Arrivals that follow a rate which moves.
const CURVES: &[&str] = &["ramp", "steps", "spike", "sine"];

/// `arrivals = { … }`.
pub static ARRIVALS: Section = Section {
    id: "arrivals",
    title: "`arrivals`",
    selector: Some("kind"),
    doc: "An open model of arrivals, or clients that wait for their answers (`closed`). Rates are in requests, such as \"500/s\" or \"30k/min\", or in capacity units, such as \"500 RCU/s\", which are taken for requests by an estimate from mean sizes.",
    keys: &[
        required(
            "kind",
            Form::OneOf(&[
                "constant", "poisson", "ramp", "steps", "spike", "sine",
            ]),
            "`constant`: evenly spaced; `poisson`: independent; `ramp`: from one rate to another; `steps`: one rate after the other; `spike`: a peak for a while; `sine`: a wave, such as day and night.",
        ),
        required("rate", TRAFFIC, "Arrivals.").of(&["constant", "poisson"]),
        required("from", TRAFFIC_OR_NONE, "Rate at the start.").of(&["ramp"]),
        required("to", TRAFFIC_OR_NONE, "Rate at the end.").of(&["ramp"]),
        optional(
            "steps",
            Form::Many(&STEP),
            "Rates in order. Or else `stairs`.",
        )
        .of(&["steps"]),
        optional(
            "stairs",
            Form::One(&STAIRS),
            "Equal steps from one rate to another. Or else `steps`.",
        )
        .of(&["steps"]),
        required("base", TRAFFIC_OR_NONE, "Rate before and after the spike.").of(&["spike"]),
        required("peak", TRAFFIC_OR_NONE, "Rate at the height of the spike.").of(&["spike"]),
        required(
            "at",
            DURATION_OR_NONE,
            "When the spike begins, from the start of the phase.",
        )
        .of(&["spike"]),
        required("lasts", DURATION, "How long the spike is, edges included.").of(&["spike"]),
        optional(
            "edge",
            DURATION_OR_NONE,
            "How long the rate takes to rise, and to fall again. Default 0s.",
        )
        .of(&["spike"]),
        required("mean", TRAFFIC, "Rate in the middle of the wave.").of(&["sine"]),
        required(
            "amplitude",
            TRAFFIC_OR_NONE,
            "How far the rate swings to both sides of the mean.",
        )
        .of(&["sine"]),
        required("period", DURATION, "Length of one wave.").of(&["sine"]),
        optional(
            "offset",
            DURATION_OR_NONE,
            "Where in the wave the phase starts: 0s is the mean, on the rise; a quarter of the period is the crest, three quarters the trough. Default 0s.",
        )
        .of(&["sine"]),
        optional(
            "spacing",
            Form::OneOf(&["even", "poisson"]),
            "Under the curve: `even`: evenly by area; `poisson`: independent of one another. Default `even`.",
        )
        .of(CURVES),
    ],
};

/// One of `steps = [ … ]`.
pub static STEP: Section = Section {
    id: "step",
    title: "a step",
    selector: None,
    doc: "A rate for a while.",
    keys: &[
        required("rate", TRAFFIC_OR_NONE, "Its rate."),
        optional(
            "lasts",
            DURATION,
            "Its length; the steps together are as long as the phase. Default, if no step has one: all alike.",
        ),
    ],
};

/// `stairs = { … }`.
pub static STAIRS: Section = Section {
    id: "stairs",
    title: "`stairs`",
    selector: None,
    doc: "Equal steps.",
    keys: &[
        required("from", TRAFFIC_OR_NONE, "Rate of the first step."),
        required("to", TRAFFIC_OR_NONE, "Rate of the last step."),
        required(
            "count",
            Form::Count { min: 2, max: 1000 },
            "Steps, all of one length.",
        ),
    ],
};

/// `think_time = { … }`.
pub static THINK_TIME: Section = Section {
    id: "think_time",
    title: "`think_time`",
    selector: Some("kind"),
    doc: "How long clients think.",
    keys: &[
        required(
            "kind",
            Form::OneOf(&["uniform", "exponential"]),
            "`uniform`: between two bounds, all alike; `exponential`: memoryless.",
        ),
        required("min", DURATION_OR_NONE, "Shortest.").of(&["uniform"]),
        required("max", DURATION, "Longest.").of(&["uniform"]),
        required("mean", DURATION, "Mean.").of(&["exponential"]),
    ],
};
