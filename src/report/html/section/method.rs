//! "Method and data": what the numbers mean, and what the run was.

use std::fmt::Write as _;

use crate::{
    record::RunRecord,
    report::{ReportView, chart::escaped, reproduce, sentence},
};

/// What the numbers mean, and what the run was.
pub fn method(view: &ReportView, record: &RunRecord) -> String {
    let definitions = view
        .definitions
        .iter()
        .fold(String::new(), |mut all, fact| {
            let (term, value) = (escaped(&fact.term), escaped(&fact.value));
            let _ = write!(all, "<dt>{term}</dt><dd>{value}</dd>");
            all
        });
    let provenance = &record.provenance;
    let overrides = if provenance.model_overrides.is_empty() {
        "<p>Every model parameter has its default.</p>\n".to_owned()
    } else {
        let items = provenance
            .model_overrides
            .iter()
            .fold(String::new(), |mut all, item| {
                let _ = write!(all, "<li><code>{}</code></li>", escaped(item));
                all
            });
        format!("<p>Model parameters that differ from their defaults:</p>\n<ul>{items}</ul>\n")
    };
    let caveats = caveats(record)
        .iter()
        .fold(String::new(), |mut all, caveat| {
            let _ = write!(all, "<li>{}</li>", escaped(caveat));
            all
        });
    format!(
        "<section>\n<h2>Method and data</h2>\n<h3>What the numbers mean</h3>\n\
         <dl class=\"definitions\">{definitions}</dl>\n<h3>Caveats</h3>\n<ul>{caveats}</ul>\n\
         <h3>Model</h3>\n{overrides}<h3>Data</h3>\n\
         <p>The series of the charts are embedded in this page. Latencies are in HDR histograms \
         with a relative error of at most 0.1 %; percentiles come from merged histograms, never \
         from averages. Charts with more points than can be seen keep the lowest and the highest \
         of each stretch.</p>\n<p id=\"download\"></p>\n<h3>The same once more</h3>\n\
         <p>{}</p>\n<pre tabindex=\"0\">{}</pre>\n<h3>Scenario</h3>\n\
         <p>Fingerprint of the resolved scenario: <code>{}</code></p>\n<pre tabindex=\"0\">{}</pre>\n\
         <p class=\"muted\">Written by dynamometer {}.</p>\n</section>\n",
        escaped(&reproduce::instructions(record)),
        escaped(&reproduce::command(record)),
        escaped(&provenance.fingerprint),
        escaped(&record.scenario_source),
        escaped(&provenance.tool_version),
    )
}

fn caveats(record: &RunRecord) -> Vec<String> {
    let mut caveats = vec![
        "1 run: nothing here tells how much another run would differ.".to_owned(),
        "An answer counts in the second in which it ended, a due request in the second in which \
         it was due."
            .to_owned(),
        "A throttled answer declares no units, so consumption is that of completed requests."
            .to_owned(),
    ];
    if record.provenance.target == "emulator" {
        caveats.push(
            "The target is the embedded emulator: throttling follows the documented rules of \
             DynamoDB and the model parameters below; latency is that of this machine, not of AWS."
                .to_owned(),
        );
    }
    caveats.extend(sentence::scale_note(record));
    if record.tables.iter().any(|table| !table.governed) {
        caveats.push("The target does not show burst credit, so none is drawn.".to_owned());
    }
    if record.provenance.incomplete.is_some() {
        caveats.push(
            "This was drawn from the journal of a run that goes on or was killed. It may lack the \
             last second."
                .to_owned(),
        );
    } else if record.provenance.interrupted {
        caveats
            .push("The run was interrupted; what follows the interruption is missing.".to_owned());
    }
    caveats
}
