//! When requests are due.

use super::{
    CLIENT_MAX, DURATION, DURATION_OR_NONE, Form, Section, TRAFFIC, TRAFFIC_OR_NONE, above,
    optional, required,
};

/// Arrivals that follow a rate which moves.
const CURVES: &[&str] = &["ramp", "steps", "spike", "sine", "trace"];

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
                "constant", "poisson", "ramp", "steps", "spike", "sine", "trace", "closed",
            ]),
            "`constant`: evenly spaced; `poisson`: independent; `ramp`: from one rate to another; `steps`: one rate after the other; `spike`: a peak for a while; `sine`: a wave, such as day and night; `trace`: rates from a CSV file; `closed`: clients that wait for their answers.",
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
        required(
            "file",
            Form::Text,
            "CSV file with a header, relative to the scenario's folder.",
        )
        .of(&["trace"]),
        optional(
            "time_column",
            Form::Name,
            "Column of times, in seconds, rising; the first row is the start of the phase. Default `time`.",
        )
        .of(&["trace"]),
        optional(
            "rate_column",
            Form::Name,
            "Column of rates, in requests per second. Default `rate`.",
        )
        .of(&["trace"]),
        optional(
            "interpolation",
            Form::OneOf(&["linear", "step"]),
            "Between two rows: `linear`: on a straight line; `step`: the rate of the row before. Default `linear`.",
        )
        .of(&["trace"]),
        optional(
            "scale",
            Form::Number(above(0.0, 1e9)),
            "Multiplies the rates. Default 1.",
        )
        .of(&["trace"]),
        optional(
            "speed",
            Form::Number(above(0.0, 1e9)),
            "Multiplies the pace: 60 plays an hour in a minute, at the same rates. Default 1.",
        )
        .of(&["trace"]),
        required(
            "clients",
            Form::Count {
                min: 1,
                max: CLIENT_MAX,
            },
            "Clients, each with one request under way at most.",
        )
        .of(&["closed"]),
        optional(
            "think_time",
            Form::Think,
            "From an answer to the client's next request: a duration or a distribution. Default 0s.",
        )
        .of(&["closed"]),
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
