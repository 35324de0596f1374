//! A scenario that takes less time, for commands that fire it only to check something else.

use std::time::Duration;

use super::{ArrivalSpec, Curve, KeySpec, PhaseKind, Scenario};

impl Scenario {
    /// Length of the timed phases together.
    #[must_use]
    pub fn timed(&self) -> Duration {
        let timed = |kind| kind != PhaseKind::Load;
        let phases = self.phases.iter().filter(|phase| timed(phase.kind));
        phases.map(|phase| phase.duration).sum()
    }

    /// The same in no more than `limit` > 0: rates stay what they are, and everything that moves
    /// (ramps, curves, what is hot) does so as much faster as its phase is shorter. `None` when
    /// it takes no longer anyway.
    #[must_use]
    pub fn shortened(&self, limit: Duration) -> Option<Self> {
        let whole = self.timed();
        if whole <= limit {
            return None;
        }
        let part = limit.as_secs_f64() / whole.as_secs_f64();
        let short = |length: Duration| length.mul_f64(part).max(Duration::from_nanos(1));
        let mut scenario = self.clone();
        for phase in scenario
            .phases
            .iter_mut()
            .filter(|p| p.kind != PhaseKind::Load)
        {
            phase.duration = short(phase.duration);
            let ArrivalSpec::Curve { curve, .. } = &mut phase.arrivals else {
                continue;
            };
            match curve {
                Curve::Lines(lines) => {
                    for line in lines.iter_mut() {
                        line.duration = line.duration.mul_f64(part);
                    }
                    // Together they are as long as the phase, however each was rounded.
                    phase.duration = lines.iter().map(|line| line.duration).sum();
                }
                Curve::Sine { period, offset, .. } => {
                    *period = short(*period);
                    *offset = offset.mul_f64(part);
                }
            }
        }
        for named in &mut scenario.keys {
            if let KeySpec::HotSet {
                moves_every: Some(every),
                ..
            } = &mut named.spec
            {
                *every = short(*every);
            }
        }
        Some(scenario)
    }
}
