//! What reports say of the load generator itself.

use super::{Fact, format, view::fact};
use crate::{
    analysis::generator::{GeneratorUse, Limit},
    record::RunRecord,
};

/// How it fired, and what that took.
pub(super) fn facts(record: &RunRecord) -> Option<Fact> {
    let generator = record.generator.as_ref()?;
    let threads = match generator.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let took = GeneratorUse::of(record);
    let busiest = took.map(|took| {
        let share = format::percent(took.busiest_share);
        format!("; the busiest took {share} of a core in its busiest second")
    });
    let ceiling = took.and_then(|took| {
        let ceiling = generator.ceiling.as_ref()?.requests_per_second;
        let ceiling = format::number(ceiling * f64::from(generator.threads));
        let share = format::percent(took.ceiling_share?);
        Some(format!(
            "; {share} of the {ceiling}/s that `dyno bench` found"
        ))
    });
    let (busiest, ceiling) = (busiest.unwrap_or_default(), ceiling.unwrap_or_default());
    let said = format!("{threads}, timer {}{busiest}{ceiling}", generator.timer);
    Some(fact("generator", &said))
}

/// What made a run late, in a sentence.
#[must_use]
pub fn limit(limit: Limit) -> String {
    match limit {
        Limit::Generator { share } => format!(
            "The generator itself was the limit: a thread of it took {} of a core in the seconds \
             that were late. More --threads, or shards on more machines, help.",
            format::percent(share)
        ),
        Limit::Places { queued } => format!(
            "Answers were the limit: up to {} requests waited for a place among those in flight \
             (max_in_flight under [client]).",
            format::count(queued)
        ),
        Limit::Machine { share } => format!(
            "Its threads took {} of a core in the seconds that were late, and nothing waited for a \
             place: something else kept this machine busy.",
            format::percent(share)
        ),
    }
}
