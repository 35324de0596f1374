//! What the documents promise is there.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::cli::{Run, code, stderr, stdout};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// Full names of the tests of this binary.
fn tests() -> String {
    let listed = Command::new(std::env::current_exe().unwrap())
        .arg("--list")
        .output();
    String::from_utf8(listed.unwrap().stdout).unwrap()
}

/// What rows of tables have in their last column between backquotes.
fn last_column(text: &str) -> BTreeSet<&str> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    last.flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_test_that_is_named_is_there() {
    let (text, listed) = (document("faults.md"), tests());
    let named = last_column(&text);
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let found = match name.strip_prefix("--lib ") {
            // Those beside the code are in another binary.
            Some(name) => {
                let (module, case) = name.rsplit_once("::tests::").unwrap();
                let path = format!("src/{}.rs", module.replace("::", "/"));
                let source = fs::read_to_string(root().join(path)).unwrap();
                source.contains(&format!("fn {case}"))
            }
            None => match name.strip_prefix("--bench ") {
                Some(bench) => root().join(format!("benches/{bench}.rs")).is_file(),
                None => listed.contains(name),
            },
        };
        assert!(found, "docs/faults.md names {name}, which is no test");
    }
}

#[test]
fn policies_are_printed_as_they_are_documented() {
    let text = document("aws.md");
    let scenario = root().join("scenarios/users.toml");
    for purpose in ["run", "clean"] {
        let asked = ["iam", scenario.to_str().unwrap(), "--for", purpose];
        let output = Run::new().dyno(&asked);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let policy = stdout(&output);
        assert!(text.contains(policy.trim()), "{purpose}: {policy}");
    }
}
