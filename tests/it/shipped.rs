//! Every scenario that ships, whatever its name: valid, planned, and run in virtual time.

use std::{fs, path::Path, sync::Arc};

use dynamometer::{
    report::plan::{Format, Lines, Plan},
    scenario::{
        Scenario,
        parse::{Parsed, parse_with},
    },
    schedule::Schedule,
    simulation::{SimulationOptions, header, simulate},
    store::files::FolderOf,
    workload::Workload,
};

/// Name, source and meaning of each, in the order of their names.
pub fn scenarios() -> Vec<(String, String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let source = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let parsed = parse_with(&source, &name, &FolderOf::new(&path));
            let Parsed { scenario, warnings } = parsed.unwrap_or_else(|p| panic!("{p}"));
            assert_eq!(warnings, [], "{name}");
            (name, source, scenario)
        })
        .collect()
}

#[test]
fn each_has_the_name_of_its_file_names_its_schema_and_says_what_it_asks() {
    let all = scenarios();
    assert!(all.len() >= 12, "{}", all.len());
    for (name, source, scenario) in all {
        assert_eq!(scenario.name, name);
        let asks = source.strip_prefix("#:schema ./scenario.schema.json\n# ");
        assert!(asks.is_some(), "{name}");
        for said in ["# What it asks: ", "# What to expect: "] {
            assert!(source.contains(said), "{name}: {said}");
        }
        assert!(scenario.question.is_some(), "{name}");
    }
}

#[test]
fn each_is_planned_and_simulated_and_does_what_it_says() {
    for (name, source, scenario) in scenarios() {
        let scenario = Arc::new(scenario);
        let (workload, schedule) = (
            Workload::new(Arc::clone(&scenario)),
            Schedule::new(&scenario),
        );
        let mut text = String::new();
        let mut lines = Lines::new(&workload, Format::Csv);
        for planned in Plan::new(&workload, &schedule).unwrap().take(200) {
            lines.write(&planned, &mut text);
        }
        assert!(!text.is_empty(), "{name}");
        let passes = source.contains("# What to expect: PASS");
        if !passes
            || scenario
                .phases
                .iter()
                .any(|phase| phase.duration.as_secs() > 300)
        {
            // Findings and days have tests of their own.
            continue;
        }
        let options = SimulationOptions::default();
        let header = header(&scenario, source, "test", &options);
        let record = simulate(&scenario, header, &options).unwrap();
        for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
            let outcomes = &totals.outcomes;
            assert_eq!(outcomes.throttled, 0, "{name}");
            assert!(outcomes.completed > 0, "{name}");
        }
    }
}
