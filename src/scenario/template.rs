//! Scenarios to start from: commented, and valid as they are.

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// How it is asked for.
    pub name: &'static str,
    /// What it is for, in a line.
    pub doc: &'static str,
    /// The file.
    pub text: &'static str,
}

const fn template(name: &'static str, doc: &'static str, text: &'static str) -> Template {
    Template { name, doc, text }
}

/// All of them, the default first.
pub const ALL: [Template; 9] = [
    template(
        "sizing",
        "Whether the provisioned capacity is enough",
        include_str!("templates/sizing.toml"),
    ),
    template(
        "keys",
        "Whether a few keys get too much of the traffic",
        include_str!("templates/keys.toml"),
    ),
    template(
        "nightly",
        "Whether it has become slower or dearer since yesterday",
        include_str!("templates/nightly.toml"),
    ),
    template(
        "ycsb-a",
        "YCSB: half reads, half updates",
        include_str!("../../scenarios/ycsb-a.toml"),
    ),
    template(
        "ycsb-b",
        "YCSB: mostly reads",
        include_str!("../../scenarios/ycsb-b.toml"),
    ),
    template(
        "ycsb-c",
        "YCSB: reads only",
        include_str!("../../scenarios/ycsb-c.toml"),
    ),
    template(
        "ycsb-d",
        "YCSB: the newest are read",
        include_str!("../../scenarios/ycsb-d.toml"),
    ),
    template(
        "ycsb-e",
        "YCSB: short ranges",
        include_str!("../../scenarios/ycsb-e.toml"),
    ),
    template(
        "ycsb-f",
        "YCSB: read, change, write back",
        include_str!("../../scenarios/ycsb-f.toml"),
    ),
];

/// The one called `name`.
#[must_use]
pub fn find(name: &str) -> Option<Template> {
    ALL.into_iter().find(|template| template.name == name)
}
