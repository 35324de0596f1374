//! Tables, attributes and the distributions of what they hold.

use super::{
    super::quantity::Quantity, COUNT, DURATION, EXPONENT, Form, SECOND, SHARE, SHARE_OF_SOME,
    Section, WEIGHT_MAX, above, optional, required, within,
};

const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
const WHOLE: Form = Form::Number(within(-WHOLE_MAX, WHOLE_MAX));
/// A time that items may be spread over: up to a hundred years.
const SPAN: Form = Form::Quantity(
    Quantity::Duration,
    above(0.0, 100.0 * 366.0 * 86_400.0 * SECOND),
);

/// `[[table]]`.
pub static TABLE: Section = Section {
    id: "table",
    title: "[[table]]",
    selector: None,
    doc: "One DynamoDB table.",
    keys: &[
        required(
            "name",
            Form::Name,
            "3 to 255 of a-z, A-Z, 0-9, `_`, `-` and `.`.",
        ),
        required(
            "partition_key",
            Form::Name,
            "Name of the attribute that is the partition key.",
        ),
        optional(
            "sort_key",
            Form::Name,
            "Name of the attribute that is the sort key.",
        ),
        required("billing", Form::One(&BILLING), "How capacity is bought."),
        optional(
            "class",
            Form::OneOf(&["standard", "standard-ia"]),
            "Table class, which prices depend on. Default `standard`.",
        ),
        optional(
            "existing",
            Form::Flag,
            "The table is there already: it is checked, and neither created, loaded nor deleted. Default false.",
        ),
        optional(
            "index",
            Form::Many(&INDEX),
            "Secondary indexes, local and global.",
        ),
        optional(
            "items",
            COUNT,
            "Number of items once the table is loaded. Required without `data`; default there: all rows.",
        ),
        optional(
            "data",
            Form::One(&DATA),
            "Rows that attributes with `value = \"column\"` take their values from.",
        ),
        required(
            "attributes",
            Form::Named(&ATTRIBUTE),
            "Every attribute that an item may have, by name.",
        ),
    ],
};

const PROVISIONED: &[&str] = &["provisioned"];
const ON_DEMAND: &[&str] = &["on-demand"];
const READ_UNITS: Form = Form::Whole(Quantity::ReadUnits, within(1.0, 1e7), 1.0);
const WRITE_UNITS: Form = Form::Whole(Quantity::WriteUnits, within(1.0, 1e7), 1.0);

/// `billing`.
pub static BILLING: Section = Section {
    id: "billing",
    title: "`billing`",
    selector: Some("mode"),
    doc: "How capacity is bought.",
    keys: &[
        required(
            "mode",
            Form::OneOf(&["provisioned", "on-demand"]),
            "`provisioned`: so many units per second; `on-demand`: by the request.",
        ),
        required(
            "read",
            READ_UNITS,
            "Read capacity units, whole, such as \"2 RCU\". With auto scaling: at the start.",
        )
        .of(PROVISIONED),
        required(
            "write",
            WRITE_UNITS,
            "Write capacity units, whole, such as \"2 WCU\". With auto scaling: at the start.",
        )
        .of(PROVISIONED),
        optional(
            "scale_read",
            Form::One(&SCALE_READ),
            "Auto scaling of the read capacity. Default: none.",
        )
        .of(PROVISIONED),
        optional(
            "scale_write",
            Form::One(&SCALE_WRITE),
            "Auto scaling of the write capacity. Default: none.",
        )
        .of(PROVISIONED),
        optional(
            "max_read",
            READ_UNITS,
            "Read request units per second, at most. Default: the account's quota.",
        )
        .of(ON_DEMAND),
        optional(
            "max_write",
            WRITE_UNITS,
            "Write request units per second, at most. Default: the account's quota.",
        )
        .of(ON_DEMAND),
        optional(
            "warm_read",
            READ_UNITS,
            "Read request units per second that it serves at once. Default: DynamoDB's for a new table.",
        )
        .of(ON_DEMAND),
        optional(
            "warm_write",
            WRITE_UNITS,
            "Write request units per second that it serves at once. Default: DynamoDB's for a new table.",
        )
        .of(ON_DEMAND),
    ],
};

const TARGET: Form = Form::Quantity(Quantity::Share, within(0.2, 0.9));
const TARGET_DOC: &str = "Consumed ÷ provisioned that it aims at, 20 % to 90 %. Default 70 %.";

/// `scale_read = { … }`.
pub static SCALE_READ: Section = Section {
    id: "scale_read",
    title: "`scale_read`",
    selector: None,
    doc: "Target tracking of the read capacity.",
    keys: &[
        required("min", READ_UNITS, "Lowest capacity."),
        required("max", READ_UNITS, "Highest capacity."),
        optional("target", TARGET, TARGET_DOC),
    ],
};

/// `scale_write = { … }`.
pub static SCALE_WRITE: Section = Section {
    id: "scale_write",
    title: "`scale_write`",
    selector: None,
    doc: "Target tracking of the write capacity.",
    keys: &[
        required("min", WRITE_UNITS, "Lowest capacity."),
        required("max", WRITE_UNITS, "Highest capacity."),
        optional("target", TARGET, TARGET_DOC),
    ],
};

/// `[[table.index]]`.
pub static INDEX: Section = Section {
    id: "index",
    title: "[[table.index]]",
    selector: Some("scope"),
    doc: "A secondary index.",
    keys: &[
        required(
            "name",
            Form::Name,
            "3 to 255 of a-z, A-Z, 0-9, `_`, `-` and `.`.",
        ),
        required(
            "scope",
            Form::OneOf(&["global", "local"]),
            "`global`: keys and capacity of its own; `local`: the table's partition key and capacity, another sort key.",
        ),
        required(
            "partition_key",
            Form::Name,
            "Name of the attribute that is its partition key.",
        )
        .of(&["global"]),
        optional(
            "sort_key",
            Form::Name,
            "Name of the attribute that is its sort key. A local index needs one.",
        ),
        optional(
            "projection",
            Form::OneOf(&["keys-only", "include", "all"]),
            "What its entries hold besides the keys. Default `all`.",
        ),
        optional(
            "include",
            Form::Names,
            "Attributes that its entries hold as well; with `projection = \"include\"` only.",
        ),
        optional(
            "billing",
            Form::One(&BILLING),
            "Its capacity; needed where the table is provisioned. On demand: its maximum and warm throughput.",
        )
        .of(&["global"]),
    ],
};

const NUMBERED: &[&str] = &["unique", "group", "cycle", "zipfian"];

/// One entry of `[table.attributes]`, of `fields`, or an `element`.
pub static ATTRIBUTE: Section = Section {
    id: "attribute",
    title: "the attribute",
    selector: Some("value"),
    doc: "One attribute of the items.",
    keys: &[
        required(
            "type",
            Form::OneOf(&["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"]),
            "DynamoDB type: string, number, binary, boolean, null, list, map, or a set of strings, numbers or binaries.",
        ),
        required(
            "value",
            Form::OneOf(&[
                "unique",
                "group",
                "cycle",
                "zipfian",
                "categorical",
                "text",
                "bytes",
                "number",
                "boolean",
                "sequence",
                "timestamp",
                "null",
                "list",
                "map",
                "set",
                "column",
            ]),
            "What each item holds. `unique`: its number; `group`: its number ÷ size; `cycle`: its number modulo size; `zipfian`: one of count names, skewed; `categorical`: one of the choices; `text`, `bytes`, `number`, `boolean`: drawn at random; `sequence`: start + its number × step; `timestamp`: a time by its number, or drawn from a window; `null`; `list` and `set`: so many elements, drawn; `map`: its fields; `column`: a field of its row of the table's data.",
        ),
        optional(
            "present",
            SHARE_OF_SOME,
            "Share of the items that have it; not for elements. Default 100 %.",
        ),
        optional(
            "prefix",
            Form::Prefix,
            "Text in front of the 12 digits; type S only.",
        )
        .of(NUMBERED),
        required(
            "size",
            COUNT,
            "`group`: neighbours that share a value; `cycle`: distinct values.",
        )
        .of(&["group", "cycle"]),
        required("count", COUNT, "Number of distinct values.").of(&["zipfian"]),
        required(
            "exponent",
            EXPONENT,
            "Skew: value k has weight k^-exponent; 0 is uniform.",
        )
        .of(&["zipfian"]),
        required(
            "choices",
            Form::Choices,
            "The values with their weights, which need not add up to anything.",
        )
        .of(&["categorical"]),
        required("length", Form::Length, "Length in bytes.").of(&["text", "bytes"]),
        required("range", Form::Range, "The numbers.").of(&["number"]),
        optional(
            "decimals",
            Form::Count { min: 0, max: 10 },
            "Digits after the point. Default 0.",
        )
        .of(&["number"]),
        required("true_share", SHARE, "Share of the items that hold true.").of(&["boolean"]),
        optional("start", WHOLE, "Value of item 0, whole. Default 0.").of(&["sequence"]),
        optional("step", WHOLE, "From one item to the next, whole. Default 1.").of(&["sequence"]),
        required(
            "from",
            Form::Text,
            "The earliest time, such as \"2026-01-31T18:00:00Z\".",
        )
        .of(&["timestamp"]),
        optional(
            "spacing",
            DURATION,
            "Time from one item to the next. Either this or `window`.",
        )
        .of(&["timestamp"]),
        optional(
            "window",
            SPAN,
            "Drawn uniformly from so long after `from`. Either this or `spacing`.",
        )
        .of(&["timestamp"]),
        optional(
            "precision",
            Form::OneOf(&["s", "ms"]),
            "Seconds or milliseconds: of the text (type S), and as the unit since 1970 (type N). Default `s`.",
        )
        .of(&["timestamp"]),
        required(
            "fields",
            Form::Named(&ATTRIBUTE),
            "What the map holds, by name.",
        )
        .of(&["map"]),
        required(
            "element",
            Form::One(&ATTRIBUTE),
            "What each element is.",
        )
        .of(&["list", "set"]),
        required(
            "elements",
            Form::Range,
            "How many elements, rounded; a set has at least one.",
        )
        .of(&["list", "set"]),
        optional(
            "column",
            Form::Name,
            "Name of the column. Default: the attribute's name.",
        )
        .of(&["column"]),
    ],
};

/// A distribution of numbers or lengths: exactly one key.
pub static SPREAD: Section = Section {
    id: "distribution",
    title: "the distribution",
    selector: None,
    doc: "A distribution; exactly one of these keys.",
    keys: &[
        optional(
            "uniform",
            Form::Pair,
            "Smallest and largest value; all alike.",
        ),
        optional(
            "normal",
            Form::One(&NORMAL),
            "Gaussian, clamped to min and max.",
        ),
        optional(
            "log_normal",
            Form::One(&LOG_NORMAL),
            "Log-normal, clamped to min and max.",
        ),
        optional(
            "exponential",
            Form::One(&EXPONENTIAL),
            "Exponential, clamped to min and max.",
        ),
        optional(
            "pareto",
            Form::One(&PARETO),
            "Pareto from min on, clamped to max.",
        ),
        optional(
            "zipfian",
            Form::One(&ZIPFIAN),
            "Whole steps from min to max, the first most often.",
        ),
        optional(
            "histogram",
            Form::Many(&BUCKET),
            "Ranges with weights; within a range all alike.",
        ),
    ],
};

/// `normal = { … }`.
pub static NORMAL: Section = Section {
    id: "normal",
    title: "`normal`",
    selector: None,
    doc: "A Gaussian distribution.",
    keys: &[
        required("mean", Form::Bound, "Mean."),
        required("std_dev", Form::Bound, "Standard deviation, not negative."),
        required("min", Form::Bound, "Smallest value."),
        required("max", Form::Bound, "Largest value."),
    ],
};

/// `log_normal = { … }`.
pub static LOG_NORMAL: Section = Section {
    id: "log_normal",
    title: "`log_normal`",
    selector: None,
    doc: "A log-normal distribution.",
    keys: &[
        required("median", Form::Bound, "Median, greater than 0."),
        required(
            "sigma",
            Form::Number(within(0.0, 10.0)),
            "Standard deviation of the logarithm.",
        ),
        required("min", Form::Bound, "Smallest value."),
        required("max", Form::Bound, "Largest value."),
    ],
};

/// `exponential = { … }`.
pub static EXPONENTIAL: Section = Section {
    id: "exponential",
    title: "`exponential`",
    selector: None,
    doc: "An exponential distribution.",
    keys: &[
        required("mean", Form::Bound, "Mean before clamping, greater than 0."),
        required("min", Form::Bound, "Smallest value."),
        required("max", Form::Bound, "Largest value."),
    ],
};

/// `pareto = { … }`.
pub static PARETO: Section = Section {
    id: "pareto",
    title: "`pareto`",
    selector: None,
    doc: "A Pareto distribution: P(X > x) = (min ÷ x)^shape.",
    keys: &[
        required("min", Form::Bound, "Smallest value, greater than 0."),
        required(
            "shape",
            Form::Number(above(0.0, 100.0)),
            "The smaller, the heavier the tail.",
        ),
        required("max", Form::Bound, "Largest value."),
    ],
};

/// `zipfian = { … }`.
pub static ZIPFIAN: Section = Section {
    id: "zipfian",
    title: "`zipfian`",
    selector: None,
    doc: "min + k - 1 with weight k^-exponent.",
    keys: &[
        required(
            "min",
            Form::Bound,
            "Smallest and most frequent value, whole.",
        ),
        required("max", Form::Bound, "Largest and rarest value, whole."),
        required("exponent", EXPONENT, "Skew; 0 is uniform."),
    ],
};

/// One range of a `histogram`.
pub static BUCKET: Section = Section {
    id: "bucket",
    title: "the range of the histogram",
    selector: None,
    doc: "A range with its weight.",
    keys: &[
        required("from", Form::Bound, "Smallest value."),
        required("to", Form::Bound, "Largest value."),
        required(
            "weight",
            Form::Number(above(0.0, WEIGHT_MAX)),
            "How often, compared to the other ranges.",
        ),
    ],
};

/// `[table.data]`.
pub static DATA: Section = Section {
    id: "data",
    title: "[table.data]",
    selector: None,
    doc: "Rows that items are made from: row number = item number.",
    keys: &[required(
        "file",
        Form::Name,
        "A CSV file with a header (.csv), or JSON Lines (.jsonl, .ndjson), relative to the scenario.",
    )],
};
