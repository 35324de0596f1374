//! What has to be clear before the first request to AWS: whose account, which tables, what it may
//! cost, and that somebody agreed.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use jiff::Timestamp;

use super::{production::Production, size};
use crate::{
    analysis::spend::{Tariff, WorstCase},
    price::{PriceTable, Unit},
    scenario::{Billing, Scenario, Table},
    schedule::shard::Shard,
    target::{
        Target,
        limited::{Budget, Limited},
        sdk::{
            SdkTarget,
            live::{Caller, made_tags},
        },
    },
    units::Direction,
    workload::Workload,
};

#[derive(Debug, Args)]
pub(super) struct LiveArguments {
    /// Fire at tables on AWS, which costs money: those of the scenario are made, and deleted
    /// afterwards, those that say `existing = true` are used as they are. Says first what it may
    /// cost, and asks.
    #[arg(long, requires = "region", conflicts_with = "endpoint")]
    live: bool,
    /// AWS Region to fire at.
    #[arg(long, value_name = "REGION", requires = "live")]
    region: Option<String>,
    /// Do not ask.
    #[arg(long, requires_all = ["live", "spend_limit"])]
    yes: bool,
    /// Stop before the run can have cost more than so many US dollars; refused when the worst
    /// case is more. Without: the worst case.
    #[arg(long, value_name = "USD", requires = "live", value_parser = dollars)]
    spend_limit: Option<f64>,
    /// Write to this table, though it is there already.
    #[arg(long, value_name = "TABLE", requires = "live")]
    allow_writes_to: Vec<String>,
    /// Prices of your own: a JSON file of the form of the built-in table.
    #[arg(long, value_name = "FILE", requires = "live")]
    prices: Option<PathBuf>,
}

fn dollars(text: &str) -> Result<f64, String> {
    let usd = text.trim_start_matches('$').parse().ok();
    usd.filter(|usd| (0.000_001..=1_000_000.0).contains(usd))
        .ok_or_else(|| "write US dollars, as 2.50; at most 1000000".to_owned())
}

/// A run on AWS that was agreed to.
pub(super) struct Live {
    pub(super) target: SdkTarget,
    pub(super) region: String,
    budget: Arc<Budget>,
    limit_usd: f64,
    tariff: Tariff,
    worst: WorstCase,
}

impl Live {
    pub(super) fn budget(&self) -> Arc<Budget> {
        Arc::clone(&self.budget)
    }

    /// `target`, kept to the limit.
    pub(super) fn limited<T: Target>(&self, target: Arc<T>, scenario: &Scenario) -> Limited<T> {
        Limited::new(
            target,
            self.budget(),
            scenario,
            self.tariff.clone(),
            &self.worst,
        )
    }

    /// Says what it has come to.
    pub(super) fn say_spent(&self) {
        if self.budget.is_reached() {
            eprintln!(
                "stopped: another request might have exceeded the spend limit of {}",
                usd(self.limit_usd)
            );
        }
        eprintln!("spent at most {}", usd(self.budget.spent_usd()));
    }
}

impl LiveArguments {
    /// Looks at the account and its tables, says what the run may cost, and asks. `None` when it
    /// is not a run on AWS.
    pub(super) async fn agree(
        &self,
        scenario: &Arc<Scenario>,
        shard: Option<Shard>,
    ) -> anyhow::Result<Option<Live>> {
        let Some(region) = self.region.as_ref().filter(|_| self.live) else {
            return Ok(None);
        };
        ensure!(
            shard.is_none(),
            "--live: a shard would not know what the others spend\n  help: fire from one process"
        );
        // What nobody could agree to is known before anybody is asked.
        let is_asking = io::stdin().is_terminal() && io::stderr().is_terminal();
        ensure!(
            self.yes || is_asking,
            "--live: there is no terminal to ask at\n  help: say --yes and --spend-limit USD"
        );
        self.check_writes(scenario)?;
        let prices = size::prices(self.prices.as_deref(), region)?;
        let worst = WorstCase::of(&Workload::new(Arc::clone(scenario)), &prices, region)?;
        let limit_usd = self.limit(&worst)?;
        let (mut target, caller) = SdkTarget::connect_live(region, &scenario.client).await?;
        check_tables(scenario, &target, &caller).await?;

        eprintln!("{}", said(scenario, region, &caller, &worst, &prices));
        eprintln!("  limit    {}", usd(limit_usd));
        if !self.yes && !confirmed("fire at AWS?")? {
            bail!("not agreed to: nothing was sent");
        }
        let run = format!(
            "{}-{}-{}",
            Timestamp::now().strftime("%Y%m%dT%H%M%SZ"),
            scenario.fingerprint().get(..8).unwrap_or_default(),
            std::process::id()
        );
        eprintln!(
            "tables are tagged {}: should this be killed, `dyno clean --live --region {region}` \
             lists them, then asks",
            made_tags(&run, &caller)
        );
        target.mark_tables(&run, &caller);
        Ok(Some(Live {
            target,
            region: region.clone(),
            budget: Arc::new(Budget::new(limit_usd, worst.fixed_usd())),
            limit_usd,
            tariff: Tariff::new(scenario, &prices, region)?,
            worst,
        }))
    }

    /// Refuses writes to tables of others that nobody named.
    fn check_writes(&self, scenario: &Scenario) -> anyhow::Result<()> {
        for (index, table) in scenario.tables.iter().enumerate() {
            let writes = scenario
                .operations
                .iter()
                .find(|spec| spec.table == index && spec.kind.direction() == Direction::Write);
            let (true, Some(writes)) = (table.existing, writes) else {
                continue;
            };
            ensure!(
                self.allow_writes_to.contains(&table.name),
                "operation {} writes to table {}, which this run does not create\n  help: say \
                 --allow-writes-to {1} if its items may be changed",
                writes.name,
                table.name
            );
        }
        Ok(())
    }

    fn limit(&self, worst: &WorstCase) -> anyhow::Result<f64> {
        let limit = self.spend_limit.or(worst.total_usd()).context(
            "--live: a closed model sends as much as answers allow, so nothing bounds its cost\n  \
             help: say --spend-limit USD",
        )?;
        let least = worst.total_usd().unwrap_or(worst.fixed_usd());
        ensure!(
            least <= limit,
            "--spend-limit {limit}: the run may cost {}\n  help: shorten it, or raise the limit",
            usd(least)
        );
        Ok(limit)
    }
}

async fn check_tables(
    scenario: &Scenario,
    target: &SdkTarget,
    caller: &Caller,
) -> anyhow::Result<()> {
    let production = Production::of_user();
    production.refuse("account", &caller.account)?;
    for table in &scenario.tables {
        production.refuse("table", &table.name)?;
        let tags = target.tags_of(&table.name).await?;
        for (key, value) in tags.iter().flatten() {
            let what = format!("table {}: its tag", table.name);
            production.refuse(&what, &format!("{key}={value}"))?;
        }
        ensure!(
            table.existing || tags.is_none(),
            "table {} exists already; dynamometer neither overwrites nor deletes tables that it \
             did not create\n  help: rename it in the scenario, say `existing = true` there, or \
             see `dyno clean --live` if an earlier run left it",
            table.name
        );
        if table.existing {
            target.check_existing(table).await?;
        }
    }
    Ok(())
}

/// What is at stake.
fn said(
    scenario: &Scenario,
    region: &str,
    caller: &Caller,
    worst: &WorstCase,
    prices: &PriceTable,
) -> String {
    let mut lines = vec![
        "about to fire at AWS".to_owned(),
        format!("  account  {} as {}", caller.account, caller.owner),
        format!("  region   {region}"),
    ];
    let tables = scenario.tables.iter();
    lines.extend(tables.map(|table| format!("  table    {}: {}", table.name, described(table))));
    let requests = match (worst.requests, worst.requests_usd) {
        (Some(count), Some(cost)) => format!(
            "{} for {count:.0} requests, each tried {} at most and charged each time",
            usd(cost),
            times(scenario.client.retry.max_attempts)
        ),
        _ => "not bounded by the scenario, whose model is closed".to_owned(),
    };
    lines.push(format!("  requests {requests}"));
    let hours = worst.hours;
    lines.push(format!("  loading  {}", usd(worst.load_usd)));
    lines.push(format!(
        "  capacity {} for {hours} hours",
        usd(worst.provisioned_usd)
    ));
    lines.push(format!("  storage  {}", usd(worst.storage_usd)));
    let total = worst.total_usd().map_or("no bound".to_owned(), usd);
    let key = Unit::Write.on_demand_key();
    let date = prices.find_or_estimate(region, key);
    let date = date.map_or("an unknown date", |price| price.date.as_str());
    lines.push(format!("  at most  {total}, by prices of {date}"));
    lines.join("\n")
}

fn described(table: &Table) -> String {
    let mode = match &table.billing {
        Billing::OnDemand { .. } => "on demand".to_owned(),
        Billing::Provisioned {
            capacity,
            auto_scaling,
        } => {
            let moved = auto_scaling.read.is_some() || auto_scaling.write.is_some();
            let note = if moved {
                "; its auto scaling policies are not registered by dyno"
            } else {
                ""
            };
            let (read, write) = (capacity.read.as_f64(), capacity.write.as_f64());
            format!("provisioned, {read} RCU and {write} WCU{note}")
        }
    };
    if table.existing {
        format!("{mode}; it is there already, and its capacity is paid for")
    } else {
        format!("{mode}; made by this run, and deleted after it")
    }
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

/// Dollars, to the hundredth of a cent; never rounded down to nothing.
fn usd(amount: f64) -> String {
    match amount {
        0.0 => "nothing".to_owned(),
        ..0.0001 => "less than $0.0001".to_owned(),
        _ => format!("${amount:.4}"),
    }
}

/// Asks at the terminal. Anything but a yes is a no.
pub(super) fn confirmed(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    let stdin = io::stdin();
    stdin
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
