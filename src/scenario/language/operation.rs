//! What requests do.

use super::{Form, SHARE, SHARE_OF_SOME, Section, optional, required};

const PICKING: &[&str] = &[
    "get",
    "put",
    "update",
    "delete",
    "query",
    "batch-get",
    "batch-write",
    "transact-get",
    "transact-write",
    "read-modify-write",
    "partiql",
];
const READING: &[&str] = &[
    "get",
    "query",
    "scan",
    "batch-get",
    "read-modify-write",
    "partiql",
];
const MISSING: &[&str] = &[
    "get",
    "put",
    "update",
    "delete",
    "query",
    "batch-get",
    "transact-get",
    "partiql",
];
const RANGES: &[&str] = &["query", "scan"];
const SINGLE_WRITES: &[&str] = &["put", "update", "delete"];
const WITH_MEMBERS: &[&str] = &["batch-get", "batch-write", "transact-get", "transact-write"];

/// `[[operation]]`.
pub static OPERATION: Section = Section {
    id: "operation",
    title: "[[operation]]",
    selector: Some("kind"),
    doc: "One kind of request of the mix.",
    keys: &[
        optional("name", Form::Name, "Name in reports. Default: the kind."),
        required(
            "kind",
            Form::OneOf(&[
                "get",
                "put",
                "update",
                "delete",
                "query",
                "scan",
                "batch-get",
                "batch-write",
                "transact-get",
                "transact-write",
                "read-modify-write",
                "partiql",
            ]),
            "DynamoDB's operation; `read-modify-write`: GetItem, then UpdateItem of the same item; `partiql`: ExecuteStatement.",
        ),
        optional(
            "table",
            Form::Name,
            "Name of the table. May be left out when there is only one.",
        ),
        required(
            "keys",
            Form::Name,
            "Name of a `[keys.…]` entry, or `uniform`, `sequential` or `new`.",
        )
        .of(PICKING),
        optional(
            "weight",
            SHARE_OF_SOME,
            "Share of all requests. Needed where a phase has no `mix` of its own.",
        ),
        optional(
            "missing",
            SHARE,
            "Share of the items asked for that nobody has written. Not where the request would write them. Default 0 %.",
        )
        .of(MISSING),
        optional(
            "consistency",
            Form::OneOf(&["eventual", "strong"]),
            "Of the read. Default `eventual`.",
        )
        .of(READING),
        optional(
            "index",
            Form::Name,
            "Name of the index that is read. Default: the table itself.",
        )
        .of(RANGES),
        optional(
            "range",
            Form::OneOf(&["all", "equal", "from", "to", "between", "begins-with"]),
            "Which sort keys, beside the partition key of the picked item: `equal` to its own, `from` its own upwards, up `to` its own, `between` its own and that of `span` items on, or those that begin with `prefix_length` characters of its own. Default `all`.",
        )
        .of(&["query"]),
        optional(
            "span",
            Form::Count {
                min: 1,
                max: 1_000_000,
            },
            "With `range = \"between\"`: items from the first to the last sort key.",
        )
        .of(&["query"]),
        optional(
            "prefix_length",
            Form::Count { min: 1, max: 1024 },
            "With `range = \"begins-with\"`: characters (bytes of B) that agree.",
        )
        .of(&["query"]),
        optional(
            "limit",
            Form::Count {
                min: 1,
                max: 1_000_000,
            },
            "Items per page, at most; the fewest with `limit_max`. Default: DynamoDB's page of 1 MB.",
        )
        .of(RANGES),
        optional(
            "limit_max",
            Form::Count {
                min: 1,
                max: 1_000_000,
            },
            "Largest limit; each number from `limit` on alike, drawn for every request. Default: `limit`.",
        )
        .of(RANGES),
        optional(
            "filter",
            Form::Name,
            "Attribute that items must have to be returned (they are charged either way). Default: no filter.",
        )
        .of(RANGES),
        optional(
            "order",
            Form::OneOf(&["ascending", "descending"]),
            "Of the sort keys. Default `ascending`.",
        )
        .of(&["query"]),
        optional(
            "pages",
            Form::OneOf(&["one", "all"]),
            "Whether it reads on to the last page, as one request. Default `one`.",
        )
        .of(RANGES),
        optional(
            "segments",
            Form::Count {
                min: 1,
                max: 1_000_000,
            },
            "Segments of a parallel scan; each request reads one of them, in turn. Default 1.",
        )
        .of(&["scan"]),
        optional(
            "items",
            Form::Count { min: 1, max: 100 },
            "Members of the batch or transaction; the fewest with `items_max`. Default 10.",
        )
        .of(WITH_MEMBERS),
        optional(
            "items_max",
            Form::Count { min: 1, max: 100 },
            "Most members; each number from `items` on alike. Default: `items`.",
        )
        .of(WITH_MEMBERS),
        optional(
            "actions",
            Form::Choices,
            "What members do, with weights: put, delete, and in transactions update and check. Default: put.",
        )
        .of(&["batch-write", "transact-write"]),
        optional(
            "retry_unprocessed",
            Form::Flag,
            "Ask again for what the server leaves unprocessed, with back-off, as part of the request. Default false: counted.",
        )
        .of(&["batch-get", "batch-write"]),
        optional(
            "set",
            Form::Names,
            "Attributes that are set to newly drawn values. Needed by update, read-modify-write and updating members.",
        )
        .of(&["update", "read-modify-write", "transact-write", "partiql"])
        .required_of(&["update", "read-modify-write"]),
        optional(
            "condition",
            Form::OneOf(&["exists", "absent"]),
            "The write happens only if the item is there, or is not. Default: always.",
        )
        .of(SINGLE_WRITES),
        optional(
            "condition_fails",
            SHARE,
            "Share of the requests that are written with the opposite condition, to fail. Default 0 %.",
        )
        .of(SINGLE_WRITES),
        optional(
            "return_values",
            Form::OneOf(&["none", "all-old"]),
            "What the answer brings of the item. Default `none`.",
        )
        .of(SINGLE_WRITES),
        required(
            "statement",
            Form::OneOf(&["select", "insert", "update", "delete"]),
            "What the statement does to the picked item.",
        )
        .of(&["partiql"]),
    ],
};
