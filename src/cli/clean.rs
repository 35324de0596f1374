//! `dyno clean`: tables on AWS that runs made and did not delete.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, ensure};
use clap::Args;

use super::{Exit, live};
use crate::{
    scenario::ClientSettings,
    target::sdk::{SdkTarget, live::MadeTable},
};

#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    /// On AWS.
    #[arg(long, required = true)]
    live: bool,
    /// AWS Region to look in.
    #[arg(long, value_name = "REGION")]
    region: String,
    /// Delete without asking.
    #[arg(long)]
    yes: bool,
}

pub(super) fn clean(arguments: &CleanArguments) -> anyhow::Result<Exit> {
    super::runtime()?.block_on(session(arguments))
}

async fn session(arguments: &CleanArguments) -> anyhow::Result<Exit> {
    let region = &arguments.region;
    let (target, caller) = SdkTarget::connect_live(region, &ClientSettings::default()).await?;
    let all = target.made_tables().await?;
    let (own, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|table| table.owner == caller.owner);
    for table in &others {
        eprintln!("left alone: {} of {}", said(table), table.owner);
    }
    if own.is_empty() {
        eprintln!(
            "nothing to delete: no table of {} in {region} carries the tag of a run",
            caller.owner
        );
        return Ok(Exit::Pass);
    }
    for table in &own {
        super::print(&said(table))?;
    }
    if !arguments.yes {
        ensure!(
            io::stdin().is_terminal() && io::stderr().is_terminal(),
            "there is no terminal to ask at\n  help: say --yes to delete what is listed"
        );
        eprintln!(
            "account {}, region {region}; a run that still goes on needs its tables",
            caller.account
        );
        if !live::confirmed(&format!("delete {} tables?", own.len()))? {
            return Ok(Exit::Pass);
        }
    }
    for table in &own {
        target
            .delete_made(table)
            .await
            .with_context(|| format!("{} is left", table.name))?;
        eprintln!("deleted {}", table.name);
    }
    Ok(Exit::Pass)
}

fn said(table: &MadeTable) -> String {
    format!("{}, made by run {}", table.name, table.run)
}
