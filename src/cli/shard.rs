//! Which shard of a run this process is: said on the command line, or by the engine that
//! started it.

use std::str::FromStr;

use anyhow::{bail, ensure};
use clap::Args;

use crate::schedule::shard::{Shard, ShardError};

#[derive(Debug, Default, Args)]
pub(super) struct ShardArguments {
    /// Do one part of the work, for `dyno merge`: 3/10 is the third of ten. Of a run it takes every
    /// tenth arrival from the third on; of a search or a comparison, its share of what is simulated.
    /// Found out by itself in array jobs of Kubernetes, AWS Batch, Slurm, Nomad and Grid Engine,
    /// and under GNU parallel; `none` does the whole even there.
    #[arg(long, value_name = "I/N", conflicts_with = "shards")]
    shard: Option<Said>,
    /// How many shards there are, where the engine that started this one does not say.
    #[arg(long, value_name = "N")]
    shards: Option<u32>,
}

/// What the command line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Shard(Shard),
    /// The whole run, whatever the engine says.
    Whole,
}

impl FromStr for Said {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        match text {
            "none" => Ok(Self::Whole),
            _ => text.parse().map(Self::Shard),
        }
    }
}

/// What the folder of a shard's run is called behind the scenario: `-shard-3-of-10`.
pub(super) fn suffix(shard: Option<Shard>) -> String {
    shard.map_or_else(String::new, |shard| {
        format!("-shard-{}-of-{}", shard.number(), shard.count())
    })
}

/// How an engine tells its processes which of many they are.
struct Engine {
    /// Variable with the number of this one.
    number: &'static str,
    /// What the first one is called.
    first: First,
    /// Variable with how many there are.
    count: Option<&'static str>,
    /// Variable with the step from one number to the next, where that need not be 1.
    step: Option<&'static str>,
    /// Variable with the last number, from which the count follows.
    last: Option<&'static str>,
}

enum First {
    Always(u64),
    Variable(&'static str),
}

impl Engine {
    const fn new(number: &'static str, first: First) -> Self {
        Self {
            number,
            first,
            count: None,
            step: None,
            last: None,
        }
    }
}

/// From their manuals: Kubernetes "Indexed Job", AWS Batch "array jobs", Slurm "job arrays",
/// Nomad "runtime environment", Grid Engine qsub(1), GNU parallel(1).
const ENGINES: [Engine; 6] = [
    Engine::new("JOB_COMPLETION_INDEX", First::Always(0)),
    Engine {
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
        ..Engine::new("AWS_BATCH_JOB_ARRAY_INDEX", First::Always(0))
    },
    Engine {
        count: Some("SLURM_ARRAY_TASK_COUNT"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        ..Engine::new(
            "SLURM_ARRAY_TASK_ID",
            First::Variable("SLURM_ARRAY_TASK_MIN"),
        )
    },
    Engine::new("NOMAD_ALLOC_INDEX", First::Always(0)),
    Engine {
        step: Some("SGE_TASK_STEPSIZE"),
        last: Some("SGE_TASK_LAST"),
        ..Engine::new("SGE_TASK_ID", First::Variable("SGE_TASK_FIRST"))
    },
    Engine::new("PARALLEL_SEQ", First::Always(1)),
];

impl ShardArguments {
    /// The shard that this process is; `None` when it makes the whole run. What an engine said
    /// is told on stderr.
    pub(super) fn detect(&self) -> anyhow::Result<Option<Shard>> {
        let detected = self.detect_in(&|name| std::env::var(name).ok())?;
        Ok(detected.map(|(shard, source)| {
            if let Some(source) = source {
                eprintln!("shard {shard}, since {source}");
            }
            shard
        }))
    }

    /// The shard, and what says so if it is not the command line.
    fn detect_in(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Option<(Shard, Option<String>)>> {
        match self.shard {
            Some(Said::Shard(shard)) => return Ok(Some((shard, None))),
            Some(Said::Whole) => return Ok(None),
            None => {}
        }
        // Grid Engine says `undefined` outside of arrays.
        let said = |name: &str| variable(name).filter(|value| value != "undefined");
        let found: Vec<_> = ENGINES
            .iter()
            .filter(|engine| said(engine.number).is_some())
            .collect();
        match (found.as_slice(), self.shards) {
            ([], None) => Ok(None),
            ([], Some(count)) => bail!(
                "--shards {count}: nothing says which of them this is; none of {} is set\n  \
                 help: --shard I/{count}",
                ENGINES.map(|engine| engine.number).join(", ")
            ),
            ([engine], count) => {
                let (shard, source) = engine.shard(&said, count)?;
                Ok(Some((shard, Some(source))))
            }
            ([first, second, ..], _) => bail!(
                "both {} and {} are set, and each says another shard\n  help: --shard I/N, or \
                 --shard none to make the whole run here",
                first.number,
                second.number
            ),
        }
    }
}

impl Engine {
    fn shard(
        &self,
        said: &dyn Fn(&str) -> Option<String>,
        shards: Option<u32>,
    ) -> anyhow::Result<(Shard, String)> {
        let read = |name: &str| -> anyhow::Result<Option<u64>> {
            said(name).map(|text| whole(name, &text)).transpose()
        };
        let optional = |name: Option<&str>| name.map_or(Ok(None), read);
        let name = self.number;
        let number = read(name)?.unwrap_or_default();
        let first = match self.first {
            First::Always(first) => first,
            First::Variable(variable) => read(variable)?.unwrap_or(1),
        };
        let step = optional(self.step)?.unwrap_or(1).max(1);
        let counted = optional(self.count)?;
        let last = optional(self.last)?;
        let by_engine = counted.or(last.map(|last| last.saturating_sub(first) / step + 1));
        let count = match (by_engine, shards.map(u64::from)) {
            (Some(there), Some(said)) if there != said => bail!(
                "--shards {said}: {name} is one of {there}\n  help: --shard I/N overrides both"
            ),
            (Some(count), _) | (None, Some(count)) => count,
            (None, None) => bail!(
                "{name} = {number} says that this is one of several, but not of how many\n  \
                 help: --shards N; or --shard none to make the whole run here"
            ),
        };
        let from_first = number.checked_sub(first);
        ensure!(
            from_first.is_some_and(|distance| distance % step == 0 && distance / step < count),
            "{name} = {number} is none of {count} from {first} on in steps of {step}: in an array \
             with gaps nobody would take the arrivals of those left out\n  \
             help: --shard I/N says which this is"
        );
        let position = from_first.unwrap_or_default() / step + 1;
        let shard = Shard::new(
            u32::try_from(position).unwrap_or(u32::MAX),
            u32::try_from(count).unwrap_or(u32::MAX),
        )?;
        let source = format!("{name} is {number}, counted from {first}");
        Ok((shard, source))
    }
}

fn whole(name: &str, text: &str) -> anyhow::Result<u64> {
    let number = text.parse().ok();
    number.ok_or_else(|| anyhow::anyhow!("{name} = {text:?} is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)], shards: Option<u32>) -> anyhow::Result<Option<String>> {
        let arguments = ShardArguments {
            shard: None,
            shards,
        };
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = arguments.detect_in(&variable)?;
        Ok(found.map(|(shard, _)| shard.to_string()))
    }

    #[test]
    fn every_engine_is_understood() {
        let check = |variables: &[(&str, &str)], shards, expected: &str| {
            let found = detect(variables, shards).unwrap();
            assert_eq!(found.as_deref(), Some(expected), "{variables:?}");
        };
        check(&[("JOB_COMPLETION_INDEX", "0")], Some(4), "1/4");
        check(&[("AWS_BATCH_JOB_ARRAY_INDEX", "9")], Some(10), "10/10");
        check(
            &[
                ("AWS_BATCH_JOB_ARRAY_INDEX", "9"),
                ("AWS_BATCH_JOB_ARRAY_SIZE", "20"),
            ],
            None,
            "10/20",
        );
        let slurm = |id, min, count, step| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_COUNT", count),
                ("SLURM_ARRAY_TASK_STEP", step),
            ]
        };
        check(&slurm("0", "0", "4", "1"), None, "1/4");
        check(&slurm("4", "1", "4", "1"), Some(4), "4/4");
        check(&slurm("14", "10", "3", "2"), None, "3/3");
        check(&[("NOMAD_ALLOC_INDEX", "2")], Some(3), "3/3");
        let grid = [
            ("SGE_TASK_ID", "5"),
            ("SGE_TASK_FIRST", "1"),
            ("SGE_TASK_LAST", "9"),
            ("SGE_TASK_STEPSIZE", "4"),
        ];
        check(&grid, None, "2/3");
        check(&[("PARALLEL_SEQ", "1")], Some(2), "1/2");
        check(
            &[("PARALLEL_SEQ", "2"), ("SGE_TASK_ID", "undefined")],
            Some(2),
            "2/2",
        );
    }

    #[test]
    fn the_command_line_overrides_every_engine() {
        let engine = |name: &str| (name == "PARALLEL_SEQ").then(|| "x".to_owned());
        let detected = |text: &str| {
            let arguments = ShardArguments {
                shard: Some(text.parse().unwrap()),
                shards: None,
            };
            arguments
                .detect_in(&engine)
                .unwrap()
                .map(|(shard, _)| shard)
        };
        assert_eq!(detected("none"), None);
        assert_eq!(detected("3/10"), Some(Shard::new(3, 10).unwrap()));
        assert!("0/10".parse::<Said>().is_err());
    }

    #[test]
    fn what_does_not_say_which_of_how_many_is_refused() {
        assert_eq!(detect(&[], None).unwrap(), None);
        let check = |variables: &[(&str, &str)], shards, expected: &str| {
            let error = detect(variables, shards).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[], Some(4), "nothing says which");
        check(&[("JOB_COMPLETION_INDEX", "3")], None, "not of how many");
        check(&[("JOB_COMPLETION_INDEX", "4")], Some(4), "is none of 4");
        check(&[("PARALLEL_SEQ", "0")], Some(4), "is none of 4");
        check(&[("PARALLEL_SEQ", "x")], Some(4), "no whole number");
        let two = [("PARALLEL_SEQ", "1"), ("NOMAD_ALLOC_INDEX", "0")];
        check(&two, Some(4), "both NOMAD_ALLOC_INDEX and PARALLEL_SEQ");
        let gaps = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
            ("SLURM_ARRAY_TASK_STEP", "1"),
        ];
        check(&gaps, None, "an array with gaps");
        check(&gaps[..3], Some(5), "is one of 3");
    }
}
