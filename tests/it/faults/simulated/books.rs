//! What holds at every moment of what is played, and at its end.

use std::fmt::Write as _;

use dynamometer::{
    engine::Engine,
    record::{Outcome, PhaseRecord, RunRecord},
    scenario::ArrivalSpec,
    units::Timestamp,
};

use super::{Heard, LENGTH, Theatre};

impl Theatre<'_> {
    /// What holds at every moment.
    pub(super) fn check(&mut self, now: Timestamp, what: impl std::fmt::Debug) {
        let client = &self.play.scenario.client;
        let sum = |of: fn(&Engine) -> usize| {
            let engines = self.lanes.iter().map(|lane| &lane.engine);
            engines.map(of).sum::<usize>() as u64
        };
        let (in_flight, queued) = (sum(Engine::in_flight), sum(Engine::queued));
        let places = match self.play.scenario.phases[0].arrivals {
            ArrivalSpec::Closed { clients, .. } => clients,
            _ => client.max_in_flight,
        };
        assert!(in_flight <= u64::from(places), "{in_flight} in flight");
        assert!(queued <= u64::from(client.max_queued), "{queued} queued");
        let ended = self.ended.len() as u64;
        assert_eq!(
            self.due,
            ended + in_flight + queued,
            "due = ended + under way + waiting"
        );
        let unreported: u64 = self.lanes.iter().map(|lane| lane.ended).sum();
        assert_eq!(self.reported + unreported, ended);
        // The first second's units, those that flowed in since, and one that goes below zero.
        let allowed = f64::from(i32::try_from(self.play.rate).unwrap()) * (1.0 + now.as_secs_f64());
        let charged = f64::from(i32::try_from(self.charged).unwrap());
        assert!(charged <= allowed + 1.0, "{charged} units in {now:?}");
        writeln!(
            self.trace,
            "{} {what:?} {in_flight} {queued} {ended}",
            now.as_nanos()
        )
        .unwrap();
    }

    /// Our books against the server's.
    pub(super) fn reconcile(mut self) -> (RunRecord, String) {
        let end = self.play.interrupt.unwrap_or(Timestamp::from_start(LENGTH));
        self.note(end);
        let (mut written, _) = self.written.finish();
        if let Some(at) = self.play.interrupt {
            self.recorder.interrupt(at);
        }
        let record = self.recorder.into_record();
        // Second by second, in total and in the journal it is the same.
        let seconds = record.intervals.iter();
        assert_eq!(seconds.clone().map(|it| it.arrivals).sum::<u64>(), self.due);
        let ended = seconds.map(|it| it.operations[0].outcomes.total());
        assert_eq!(ended.sum::<u64>(), self.ended.len() as u64);
        let is_begun = |it: &PhaseRecord| it.starts < end || it.arrivals > 0;
        written.phases.retain(is_begun);
        for (written, phase) in written.phases.iter_mut().zip(&record.phases) {
            written.ends = phase.ends;
        }
        assert!(written.phases == record.phases, "the journal differs");
        assert!(written.intervals == record.intervals, "the journal differs");
        assert_eq!(
            self.sent,
            self.seen + self.unseen,
            "sent = seen + never seen"
        );
        let none = (0, 0, 0);
        let (attempts, units, throttles) = record.phases.iter().fold(none, |sum, phase| {
            let totals = &phase.operations[0];
            (
                sum.0 + totals.attempts,
                sum.1 + totals.consumed.write.halves() / 2,
                sum.2 + totals.throttle_reasons.values().sum::<u64>(),
            )
        });
        assert_eq!(attempts, self.sent);
        let decided = |what| self.decided.values().filter(|it| **it == what).count() as u64;
        assert_eq!(units.unsigned_abs(), decided(Heard::Completed));
        assert!(
            units <= self.charged,
            "no more is recorded than was charged"
        );
        assert_eq!(throttles, decided(Heard::Throttled));
        let of = |outcome| self.ended.values().filter(|it| **it == outcome).count() as u64;
        assert_eq!(of(Outcome::Completed), decided(Heard::Completed));
        assert_eq!(
            self.decided.len() as u64,
            self.sent,
            "each attempt was decided"
        );
        (record, self.trace)
    }
}
