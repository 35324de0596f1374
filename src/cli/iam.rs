//! `dyno iam`: what AWS has to allow for a scenario, and no more.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, scenario};
use crate::report::iam::{self, Place};

#[derive(Debug, Args)]
pub(super) struct IamArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// The command that the policy is for.
    #[arg(long = "for", value_enum, default_value_t = Purpose::Run)]
    purpose: Purpose,
    /// AWS Region of the tables; any without.
    #[arg(long, default_value = "*", hide_default_value = true)]
    region: String,
    /// Number of the account; any without.
    #[arg(long, default_value = "*", hide_default_value = true)]
    account: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Purpose {
    /// `dyno run --live` of the scenario.
    Run,
    /// `dyno clean --live`, for tables of any name.
    Clean,
}

pub(super) fn iam(arguments: &IamArguments) -> anyhow::Result<Exit> {
    let Some(loaded) = scenario::load(&arguments.scenario)? else {
        return Ok(Exit::Usage);
    };
    let place = Place {
        region: arguments.region.clone(),
        account: arguments.account.clone(),
    };
    let policy = match arguments.purpose {
        Purpose::Run => iam::for_run(&loaded.scenario, &place),
        Purpose::Clean => iam::for_clean(&place),
    };
    super::print(&serde_json::to_string_pretty(&policy)?)?;
    Ok(Exit::Pass)
}
