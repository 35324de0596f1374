//! The latest night as `JUnit` XML, as pipelines read it: a test case for each metric.

use std::fmt::Write as _;

use super::{
    Mark,
    chart::escaped,
    trend::view::{GroupView, TrendView},
};

/// The document.
#[must_use]
pub fn render(view: &TrendView) -> String {
    let suites: Vec<Suite> = view.groups.iter().map(Suite::of).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"dyno nightly\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.errors),
        sum(|suite| suite.skipped),
    );
    for suite in suites {
        let _ = write!(
            xml,
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n\
             {}</testsuite>\n",
            suite.name, suite.tests, suite.failures, suite.errors, suite.skipped, suite.cases
        );
    }
    xml + "</testsuites>\n"
}

#[derive(Default)]
struct Suite {
    name: String,
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn of(group: &GroupView) -> Self {
        let name = escaped(&group.scenario);
        let mut suite = Self {
            name,
            ..Self::default()
        };
        suite.night(group);
        for row in &group.metrics {
            let text = format!("{} ({}), repeats {}", row.word, row.latest, row.range);
            let result = match (row.mark, row.word) {
                (Mark::Bad, _) => {
                    let open = group
                        .changes
                        .iter()
                        .find(|change| change.metric == row.name && change.state == "open");
                    let since = open.map_or(text.clone(), |change| {
                        format!(
                            "{} since {} ({}): {} → {}",
                            change.effect, change.since, change.commit, change.before, change.after
                        )
                    });
                    suite.failures += 1;
                    element("failure", &since, &text)
                }
                (Mark::Caution | Mark::Neutral, _) => {
                    suite.skipped += 1;
                    format!("<skipped message=\"{}\"/>", escaped(&text))
                }
                (Mark::Good, _) => format!("<system-out>{}</system-out>", escaped(&text)),
            };
            suite.case(&row.name, &result);
        }
        suite
    }

    /// The night itself: limits of the scenario, and whether it counts.
    fn night(&mut self, group: &GroupView) {
        let text = group.sentences.join("\n");
        let result = match group.mark {
            Mark::Bad => {
                self.failures += 1;
                element("failure", group.word, &text)
            }
            Mark::Caution => {
                self.errors += 1;
                element("error", group.word, &text)
            }
            Mark::Good | Mark::Neutral => {
                format!("<system-out>{}</system-out>", escaped(&text))
            }
        };
        self.case("night", &result);
    }

    fn case(&mut self, name: &str, result: &str) {
        self.tests += 1;
        let _ = writeln!(
            self.cases,
            "<testcase classname=\"dyno.{}\" name=\"{}\">{result}</testcase>",
            self.name,
            escaped(name)
        );
    }
}

fn element(name: &str, message: &str, text: &str) -> String {
    format!(
        "<{name} message=\"{}\">{}</{name}>",
        escaped(message),
        escaped(text)
    )
}
