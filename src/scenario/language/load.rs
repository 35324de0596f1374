//! Requests, phases, the generator and limits.

use super::{
    super::quantity::Quantity, ARRIVALS, CLIENT_MAX, DURATION, EXPONENT, Form, MONTH, RATE, SECOND,
    SHARE, SHARE_OF_SOME, Section, WEIGHT_MAX, optional, required, within,
};

/// `[keys.NAME]`.
pub static KEYS: Section = Section {
    id: "keys",
    title: "[keys.…]",
    selector: Some("kind"),
    doc: "How requests pick an item.",
    keys: &[
        required(
            "kind",
            Form::OneOf(&[
                "uniform",
                "zipfian",
                "hot-set",
                "latest",
                "sequential",
                "exponential",
                "normal",
                "categorical",
                "new",
                "weights",
            ]),
            "`weights`: as often as a column says; `uniform`: all alike; `zipfian`: skewed; `hot-set`: a few get most; `latest`: the newest most; `sequential`: one after the other; `exponential`: ever fewer with the item's number; `normal`: most around one item; `categorical`: by weights listed here; `new`: a new item for every put.",
        ),
        required(
            "exponent",
            EXPONENT,
            "Skew: rank k has weight k^-exponent; 0 is uniform.",
        )
        .of(&["zipfian", "latest"]),
        optional(
            "scrambled",
            Form::Flag,
            "Spread the ranks over the items. Default false.",
        )
        .of(&["zipfian"]),
        required(
            "hot_keys",
            SHARE_OF_SOME,
            "Share of the items that are hot.",
        )
        .of(&["hot-set"]),
        required(
            "hot_traffic",
            SHARE,
            "Share of the requests that go to them.",
        )
        .of(&["hot-set"]),
        optional(
            "moves_every",
            Form::Quantity(Quantity::Duration, within(SECOND, MONTH)),
            "From the run's start, how long until the next as many items are hot. Default: it stays.",
        )
        .of(&["hot-set"]),
        required(
            "mean",
            SHARE,
            "`exponential`: mean of the item's number, `normal`: the busiest item; as a share of the items, before what lies outside is cut off.",
        )
        .of(&["exponential", "normal"]),
        required(
            "std_dev",
            SHARE_OF_SOME,
            "Standard deviation of the item's number, as a share of the items.",
        )
        .of(&["normal"]),
        required(
            "weights",
            Form::Weights,
            "Weights of the first items, which need not add up to anything.",
        )
        .of(&["categorical"]),
        optional(
            "rest",
            Form::Number(within(0.0, WEIGHT_MAX)),
            "Weight of all other items together, alike. Default 0: they are not picked.",
        )
        .of(&["categorical"]),
        required(
            "column",
            Form::Name,
            "Column with the weight of each row, which need not add up to anything.",
        )
        .of(&["weights"]),
        optional(
            "file",
            Form::Name,
            "CSV or JSON Lines file with that column: row number = item number. Default: the table's data.",
        )
        .of(&["weights"]),
    ],
};

const TIMED: &[&str] = &["warm-up", "measured"];

/// `[[phase]]`.
pub static PHASE: Section = Section {
    id: "phase",
    title: "[[phase]]",
    selector: Some("kind"),
    doc: "A stretch of the run.",
    keys: &[
        optional("name", Form::Name, "Name in reports. Default: the kind."),
        required(
            "kind",
            Form::OneOf(&["load", "warm-up", "measured"]),
            "`load`: writes every item once, first and as fast as is accepted; `warm-up`: runs, but does not count; `measured`: what the report is about.",
        ),
        required("duration", DURATION, "Length.").of(TIMED),
        required(
            "arrivals",
            Form::One(&ARRIVALS),
            "When requests are due.",
        )
        .of(TIMED),
        optional(
            "mix",
            Form::Shares,
            "Share of the phase's requests by name of operation, adding up to 100 %. Default: the weights of the operations.",
        )
        .of(TIMED),
    ],
};

/// `[client]`.
pub static CLIENT: Section = Section {
    id: "client",
    title: "[client]",
    selector: None,
    doc: "The load generator's own bounds.",
    keys: &[
        optional(
            "max_in_flight",
            Form::Count {
                min: 1,
                max: CLIENT_MAX,
            },
            "Requests under way at once. Default 256.",
        ),
        optional(
            "max_queued",
            Form::Count {
                min: 0,
                max: CLIENT_MAX,
            },
            "Due requests that wait beyond that; more are dropped and counted. Default 4096.",
        ),
        optional(
            "attempt_timeout",
            DURATION,
            "Deadline of one attempt. Default 5s.",
        ),
        optional(
            "retry",
            Form::One(&RETRY),
            "Retries by the harness; the SDK's are always off.",
        ),
    ],
};

/// `retry = { … }`.
pub static RETRY: Section = Section {
    id: "retry",
    title: "`retry`",
    selector: None,
    doc: "Retries with full-jitter exponential back-off.",
    keys: &[
        optional(
            "max_attempts",
            Form::Count { min: 1, max: 100 },
            "Attempts in all. Default 1: no retries.",
        ),
        optional(
            "base",
            DURATION,
            "First back-off before jitter. Default 50ms.",
        ),
        optional(
            "cap",
            DURATION,
            "Longest back-off before jitter. Default 20s.",
        ),
    ],
};
/// `[[threshold]]`.
pub static THRESHOLD: Section = Section {
    id: "threshold",
    title: "[[threshold]]",
    selector: None,
    doc: "A limit on one metric of the measured phases.",
    keys: &[
        required(
            "metric",
            Form::Metric,
            "`throttled`, `errors`, `completed_rate`, or `response_time_p99`, `service_time_p99.9` with any percentile.",
        ),
        optional(
            "max",
            Form::Limit,
            "At most: a share for throttled and errors, a duration for times.",
        ),
        optional("min", RATE, "At least: a rate for completed_rate."),
        optional(
            "operation",
            Form::Name,
            "Name of one operation. Default: all together.",
        ),
    ],
};

/// `[validity]`.
pub static VALIDITY: Section = Section {
    id: "validity",
    title: "[validity]",
    selector: None,
    doc: "When the generator declares its own run invalid.",
    keys: &[
        optional(
            "dispatch_delay_p99",
            DURATION,
            "Allowance for the 99th percentile of the delay from due to sent. Default 10ms.",
        ),
        optional(
            "dropped",
            SHARE,
            "Allowance for the share of arrivals that were dropped. Default 0 %.",
        ),
    ],
};
