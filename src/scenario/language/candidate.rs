//! Keys that `dyno compare` tries.

use super::{Form, Section, optional, required};
use crate::scenario::candidate::SHARDS_MAX;

/// `[[candidate]]`.
pub static CANDIDATE: Section = Section {
    id: "candidate",
    title: "[[candidate]]",
    selector: None,
    doc: "A key that `dyno compare` tries: the same items and requests, keyed so. Changes nothing of a run.",
    keys: &[
        optional(
            "name",
            Form::Name,
            "Name in reports. Default: the key, as `--keys` has it.",
        ),
        optional(
            "table",
            Form::Name,
            "Name of the table. May be left out when there is only one.",
        ),
        required(
            "partition_key",
            Form::OneOrMore,
            "Name of an attribute that every item has, of type S, N or B; of several, the values joined by `#` are the key.",
        ),
        optional(
            "suffix",
            Form::One(&SUFFIX),
            "What is written behind the partition key, to spread one value over several (write sharding). Default: nothing.",
        ),
        optional(
            "sort_key",
            Form::Name,
            "Name of an attribute that every item has, of type S, N or B. Default: none.",
        ),
    ],
};

/// `suffix = { … }`.
pub static SUFFIX: Section = Section {
    id: "suffix",
    title: "`suffix`",
    selector: Some("kind"),
    doc: "A number from 1 on behind the partition key.",
    keys: &[
        required(
            "kind",
            Form::OneOf(&["calculated", "random"]),
            "`calculated`: a hash of the item's own key, so that who knows the item knows its suffix; `random`: drawn at every write, so that reads ask all of them.",
        ),
        required(
            "shards",
            Form::Count {
                min: 2,
                max: SHARDS_MAX as u64,
            },
            "How many there are.",
        ),
    ],
};
