//! What each number means, told once.

use super::fact;
use crate::report::Fact;

/// In the order in which a reader meets them.
pub(super) fn definitions() -> Vec<Fact> {
    [
        ("offered", "Requests that were due per second. They are due at times fixed in advance, whatever the answers (an open model)."),
        ("completed", "Requests answered with success per second."),
        ("throttled", "Requests whose final answer was a throttle ÷ requests that were due."),
        ("errors", "Requests that failed otherwise or had no answer by their deadline ÷ requests that were due."),
        ("dropped", "Requests never sent because too many were under way and waiting ÷ requests that were due."),
        ("response time", "From when a request was due to its final answer, completed requests: what a user waits for, delays of the generator included."),
        ("service time", "From the last send to its answer, completed requests: what the server takes."),
        ("dispatch delay", "From when a request was due to its first send: how late the generator was."),
        ("p50, p99, p99.9", "The shortest time that 50 %, 99 %, 99.9 % of the requests did not exceed; from merged histograms, within 0.1 %."),
        ("RCU, WCU", "Read and write capacity units. One RCU is a strongly consistent read of up to 4 KiB or two eventually consistent ones; one WCU is a write of up to 1 KiB."),
        ("consumed", "Units that the answers declare. Mean: over the measured phases. Peak: the busiest second."),
        ("provisioned", "Units per second that the table had, on average."),
        ("demand", "An estimate of the units per second that would have served every request: requests due × mean units of the completed ones of the same operation. At its busiest: in the ten seconds in a row in which most were due."),
        ("throttle reasons", "How often throttled attempts, retries included, gave each reason. One attempt may give several, so the reasons may be more than the attempts."),
        ("burst", "Unused units of the last minutes that DynamoDB lets a table spend later. Dry: less than 1 % of the most that can be saved up."),
        ("key range", "A throttle because one partition was at its own ceiling, whatever the table has left."),
        ("INVALID", "Dispatch delay or drops exceeded what the scenario allows, or the record contradicts itself: the run says nothing about the table."),
    ]
    .into_iter()
    .map(|(term, value)| fact(term, value))
    .collect()
}
