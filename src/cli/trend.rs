//! `dyno trend`: the page again, from the history alone.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::{
    Exit,
    nightly::{self, HISTORY, OUT, Outputs},
};
use crate::{
    analysis::trend::{Filter, Trend},
    scenario::diagnostic::printable,
};

#[derive(Debug, Args)]
pub(super) struct TrendArguments {
    /// File that remembers every night.
    #[arg(default_value = HISTORY)]
    history: PathBuf,
    /// Folder of trend.html, history.csv, junit.xml, summary.md and badge.json.
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
    /// Only nights of this branch.
    #[arg(long)]
    branch: Option<String>,
    /// Only nights of host classes that contain this, such as "8 ×" or "EPYC".
    #[arg(long, value_name = "TEXT")]
    host_class: Option<String>,
    /// Only nights of this scenario.
    #[arg(long)]
    scenario: Option<String>,
}

pub(super) fn trend(arguments: &TrendArguments) -> anyhow::Result<Exit> {
    let history = nightly::read_history(&arguments.history)?;
    let filter = Filter {
        branch: arguments.branch.clone(),
        host_class: arguments.host_class.clone(),
        scenario: arguments.scenario.clone(),
    };
    let trend = Trend::of(&history, &filter);
    if trend.groups.is_empty() {
        let every = Trend::of(&history, &Filter::default());
        let known: Vec<String> = every
            .groups
            .iter()
            .map(|found| {
                let group = &found.group;
                let branch = group.branch.as_deref().unwrap_or("unknown");
                format!(
                    "\n  {}, branch {branch}, {}",
                    group.scenario, group.host_class
                )
            })
            .collect();
        let known = if known.is_empty() {
            "\n  nothing".to_owned()
        } else {
            known.concat()
        };
        let file = arguments.history.display();
        let known: Vec<String> = known.lines().map(printable).collect();
        bail!(
            "no night in {file} is asked for; there is{}",
            known.join("\n")
        );
    }
    Outputs::of(&trend, &trend).publish(&arguments.out)?;
    Ok(nightly::exit(&trend.groups))
}
