//! The order of the layers and what the core may not touch, read from the sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Where the shell begins: everything above may not wait, read, write or print.
const FIRST_OF_SHELL: &str = "clock";

/// What the core may not name, and why.
const BANNED_IN_CORE: &[(&str, &str)] = &[
    ("tokio", "the core does not wait"),
    ("async ", "the core does not wait"),
    ("std::fs", "the core reads no files"),
    ("std::net", "the core has no network"),
    ("std::env", "the core does not see the environment"),
    ("std::thread", "the core starts no threads"),
    ("println!", "the core does not print"),
    ("print!(", "the core does not print"),
    ("Instant", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("HashMap", "iteration order must not depend on a hash"),
    ("HashSet", "iteration order must not depend on a hash"),
    ("rand::rng()", "randomness comes from the seed"),
    ("thread_rng", "randomness comes from the seed"),
    ("from_os_rng", "randomness comes from the seed"),
];

/// Crates that exactly one part of the tree may know.
const WRAPPED: &[(&str, &str)] = &[
    ("hdrhistogram", "src/record/histogram"),
    ("plotters", "src/report/chart"),
    ("png", "src/report/chart/heat"),
    ("dynoxide", "src/emulator"),
    ("aws_sdk_dynamodb", "src/target/sdk"),
    ("aws_config", "src/target/sdk"),
    ("aws_sdk_sts", "src/target/sdk"),
    ("console", "src/progress.rs"),
    ("clap", "src/cli"),
    ("httparse", "src/target/wire/http"),
    ("toml", "src/scenario"),
];

struct Source {
    path: PathBuf,
    /// The module of `lib.rs` that it belongs to.
    module: String,
    /// Code without line comments.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("src"), &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().to_path_buf();
            let module = path
                .components()
                .nth(1)
                .unwrap()
                .as_os_str()
                .to_str()
                .unwrap();
            let code = text
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n");
            Source {
                module: module.trim_end_matches(".rs").to_owned(),
                lines: text.lines().count(),
                path,
                code,
            }
        })
        .collect()
}

/// Module → position in the list at the top of `lib.rs`.
fn order() -> BTreeMap<String, usize> {
    include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! 1. [`")?.split_once('`'))
        .enumerate()
        .map(|(position, (module, _))| (module.to_owned(), position))
        .collect()
}

/// Every `crate::x` that the code names, also inside `use crate::{x, y::z}`.
fn used_modules(code: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            used.push(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut expecting = true;
        for (position, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expecting = true,
                c if expecting && depth == 0 && c.is_ascii_alphabetic() => {
                    used.push(identifier(&group[position..]));
                    expecting = false;
                }
                _ => {}
            }
        }
    }
    used
}

fn assert_none(what: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{what}:\n  {}",
        violations.join("\n  ")
    );
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let sources = sources();
    let order = order();
    let mut violations = Vec::new();
    for source in sources
        .iter()
        .filter(|source| order.contains_key(&source.module))
    {
        for used in used_modules(&source.code) {
            match order.get(&used) {
                Some(position) if *position > order[&source.module] => violations.push(format!(
                    "{} uses `{used}`, which is below it",
                    source.path.display()
                )),
                _ => {}
            }
        }
    }
    assert_none("layer order", &violations);
}

#[test]
fn every_file_belongs_to_a_module_of_lib_rs() {
    let sources = sources();
    let order = order();
    let strays: Vec<_> = sources
        .iter()
        .filter(|source| !["lib", "main"].contains(&source.module.as_str()))
        .filter(|source| !order.contains_key(&source.module))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none("not in lib.rs", &strays);
}

#[test]
fn the_core_does_not_touch_the_world() {
    let sources = sources();
    let order = order();
    let shell = order.get(FIRST_OF_SHELL).copied().unwrap_or(usize::MAX);
    let mut violations = Vec::new();
    for source in &sources {
        if order
            .get(&source.module)
            .is_none_or(|position| *position >= shell)
        {
            continue;
        }
        for (banned, why) in BANNED_IN_CORE {
            if source.code.contains(banned) {
                violations.push(format!("{} names `{banned}`: {why}", source.path.display()));
            }
        }
    }
    assert_none("banned in the core", &violations);
}

/// So a clock that is set, or jumps, bends no result: the core has no clock, and what fires and
/// times has the monotonic one alone.
#[test]
fn what_is_timed_does_not_read_the_system_clock() {
    let mut violations = Vec::new();
    let sources = sources();
    let timing = sources.iter().filter(|it| it.module == "driver");
    for source in timing {
        for banned in ["SystemTime", "jiff"] {
            if source.code.contains(banned) {
                violations.push(format!("{} names `{banned}`", source.path.display()));
            }
        }
    }
    assert!(sources.iter().any(|it| it.module == "driver"));
    assert_none("the system clock", &violations);
}

#[test]
fn each_wrapped_crate_is_known_to_one_part_only() {
    let mut violations = Vec::new();
    for source in &sources() {
        for (name, home) in WRAPPED {
            let named = [format!("{name}::"), format!("use {name}")]
                .iter()
                .any(|form| mentions(&source.code, form));
            if named && !source.path.to_str().unwrap().starts_with(home) {
                violations.push(format!("{} names `{name}`", source.path.display()));
            }
        }
    }
    assert_none("wrapped crates outside their file", &violations);
}

/// `text` contains `form` as a path of its own, not as the end of a longer name.
fn mentions(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn no_file_grows_past_five_hundred_lines() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|source| source.lines > 500)
        .map(|source| format!("{}: {} lines", source.path.display(), source.lines))
        .collect();
    assert_none("find the two things in it", &long);
}

#[test]
fn the_checks_see_what_they_should() {
    assert_eq!(used_modules("use crate::{a::{b, c}, d};"), ["a", "d"]);
    assert_eq!(used_modules("crate::units::Bytes"), ["units"]);
    assert!(mentions("use toml::de;", "toml::"));
    assert!(!mentions("my_toml::de", "toml::"));
}
