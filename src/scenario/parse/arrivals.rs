//! `arrivals = { … }`: what each kind needs beyond the form of its keys.

use std::time::Duration;

use super::super::{
    ArrivalSpec, AssumedDemand, Curve, Line, Spacing, ThinkTime,
    diagnostic::Diagnostic,
    file::{
        Problems, Span,
        fields::Fields,
        value::{Traffic, bounded, duration},
    },
    language::{Bounds, THINK_TIME},
    quantity::{Quantity, grouped},
};
use crate::units::{ByDirection, Direction, Rate};

/// What arrivals are read against.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Length of the phase, if it could be read.
    pub length: Option<Duration>,
    /// Units that a request of the phase's mix takes on average, estimated; `None` when the mix
    /// could not be read.
    pub per_request: Option<ByDirection<f64>>,
}

/// Arrivals, and what was assumed for them.
#[derive(Debug)]
pub(super) struct Read {
    pub spec: ArrivalSpec,
    pub assumed: Option<AssumedDemand>,
}

/// Reads `fields`; `None` only with a problem.
pub(super) fn read(
    fields: &Fields<'_>,
    context: &Context,
    problems: &mut Problems,
) -> Option<Read> {
    let mut reader = Reader {
        context,
        first: None,
        assumed: None,
    };
    let spec = reader.spec(fields, problems)?;
    let nothing = |length| {
        spec.rate_max(length)
            .is_some_and(|max| max <= Rate::default())
    };
    if context.length.is_some_and(nothing) {
        let message = match spec {
            ArrivalSpec::Ramp { .. } => "a ramp from 0/s to 0/s sends nothing".to_owned(),
            _ => format!("a rate of 0/s all along sends nothing ({})", fields.kind?),
        };
        let problem = Diagnostic::error("S006", fields.span.clone(), message);
        problems.push(problem.label(match spec {
            ArrivalSpec::Ramp { .. } => "raise `from` or `to`",
            _ => "raise a rate, or leave the phase out",
        }));
        return None;
    }
    Some(Read {
        spec,
        assumed: reader.assumed,
    })
}

struct Reader<'c> {
    context: &'c Context,
    /// The first rate: the others have its unit.
    first: Option<Traffic>,
    assumed: Option<AssumedDemand>,
}

impl Reader<'_> {
    fn spec(&mut self, fields: &Fields<'_>, problems: &mut Problems) -> Option<ArrivalSpec> {
        let spacing = match fields.one_of(problems, "spacing") {
            Some("poisson") => Spacing::Poisson,
            _ => Spacing::Even,
        };
        let curve = match fields.kind? {
            "constant" => {
                let rate = self.rate(fields, "rate", problems)?;
                return Some(ArrivalSpec::Constant { rate });
            }
            "poisson" => {
                let rate = self.rate(fields, "rate", problems)?;
                return Some(ArrivalSpec::Poisson { rate });
            }
            "closed" => return closed(fields, problems),
            "ramp" => {
                let from = self.rate(fields, "from", problems);
                let to = self.rate(fields, "to", problems);
                let (from, to) = (from?, to?);
                if spacing == Spacing::Even {
                    return Some(ArrivalSpec::Ramp { from, to });
                }
                let duration = self.context.length?;
                Curve::Lines(vec![Line { from, to, duration }])
            }
            "steps" => Curve::Lines(self.steps(fields, problems)?),
            "spike" => Curve::Lines(self.spike(fields, problems)?),
            _ => self.sine(fields, problems)?,
        };
        Some(ArrivalSpec::Curve { curve, spacing })
    }

    /// A rate in requests, whatever it is written in.
    fn rate(&mut self, fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Rate> {
        let traffic = fields.traffic(problems, name)?;
        if self.first.get_or_insert(traffic).units != traffic.units {
            problems.push(
                Diagnostic::error(
                    "S061",
                    fields.span_of(name),
                    "two units of rate in one phase",
                )
                .label("write all rates in requests, all in RCU or all in WCU"),
            );
            return None;
        }
        let Some(direction) = traffic.units else {
            return Rate::per_second(traffic.per_second);
        };
        let per_request = self.context.per_request?[direction];
        if per_request <= 0.0 {
            let noun = match direction {
                Direction::Read => "reads",
                Direction::Write => "writes",
            };
            let message = format!("a rate in {}, but the mix has no {noun}", direction.unit());
            problems.push(
                Diagnostic::error("S062", fields.span_of(name), message)
                    .label("no number of requests takes that"),
            );
            return None;
        }
        self.assumed = Some(AssumedDemand {
            direction,
            per_request,
        });
        Rate::per_second(traffic.per_second / per_request)
    }

    fn steps(&mut self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<Line>> {
        let flat = |rate, duration| Line {
            from: rate,
            to: rate,
            duration,
        };
        if fields.get("steps").is_some() == fields.get("stairs").is_some() {
            let message = "steps are either listed in `steps` or equal in `stairs`";
            let label = "write one of the two";
            problems.push(Diagnostic::error("S005", fields.span.clone(), message).label(label));
            return None;
        }
        if let Some(stairs) = fields.one(problems, "stairs") {
            let from = self.rate(&stairs, "from", problems);
            let to = self.rate(&stairs, "to", problems);
            let count = super::small(&stairs, "count", problems)?;
            let (from, to) = (from?.as_per_second(), to?.as_per_second());
            let rise = (to - from) / f64::from(count - 1);
            let rate = |step: u32| {
                if step + 1 == count {
                    to
                } else {
                    from + rise * f64::from(step)
                }
            };
            let parts = equal_parts(self.context.length?, count);
            let steps = (0..count).zip(parts);
            return steps
                .map(|(step, part)| Some(flat(Rate::per_second(rate(step).max(0.0))?, part)))
                .collect();
        }
        let steps = fields.many(problems, "steps");
        let read: Vec<_> = steps
            .iter()
            .map(|step| {
                let rate = self.rate(step, "rate", problems);
                (rate, step.duration(problems, "lasts"))
            })
            .collect();
        let rates: Vec<Rate> = read.iter().map(|(rate, _)| *rate).collect::<Option<_>>()?;
        let length = self.context.length?;
        let count = u32::try_from(rates.len()).ok().filter(|count| *count > 0)?;
        let own = steps.iter().filter(|step| step.get("lasts").is_some());
        let lasting: Vec<Duration> = match own.count() {
            0 => equal_parts(length, count).collect(),
            some if some < rates.len() => {
                let bare = steps.iter().find(|step| step.get("lasts").is_none())?;
                let message = "`lasts` is missing from a step";
                let label = "give every step its length, or none";
                problems.push(Diagnostic::error("S005", bare.span.clone(), message).label(label));
                return None;
            }
            _ => read
                .iter()
                .map(|(_, lasts)| *lasts)
                .collect::<Option<_>>()?,
        };
        let sum: Duration = lasting.iter().sum();
        if sum != length {
            let message = format!("the steps last {}, the phase {}", show(sum), show(length));
            problems.push(
                Diagnostic::error("S060", fields.span_of("steps"), message)
                    .label("both must be the same")
                    .help(format!("set the phase's `duration` to \"{}\"", show(sum))),
            );
            return None;
        }
        Some(
            rates
                .into_iter()
                .zip(lasting)
                .map(|(rate, lasts)| flat(rate, lasts))
                .collect(),
        )
    }

    fn spike(&mut self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<Line>> {
        let base = self.rate(fields, "base", problems);
        let peak = self.rate(fields, "peak", problems);
        let at = fields.duration(problems, "at");
        let lasts = fields.duration(problems, "lasts");
        let edge = fields
            .get("edge")
            .map_or(Some(Duration::ZERO), |_| fields.duration(problems, "edge"));
        let (base, peak, at, lasts, edge) = (base?, peak?, at?, lasts?, edge?);
        let length = self.context.length?;
        let end = at + lasts;
        if end > length {
            let message = format!("the spike ends at {}, after its phase", show(end));
            problems.push(
                Diagnostic::error("S060", fields.span_of("lasts"), message)
                    .label(format!("the phase lasts {}", show(length))),
            );
            return None;
        }
        if edge * 2 > lasts {
            let message = "the edges of the spike are longer than the spike";
            let most = format!("at most half of `lasts`: {}", show(lasts / 2));
            problems.push(Diagnostic::error("S060", fields.span_of("edge"), message).label(most));
            return None;
        }
        let line = |from, to, duration| Line { from, to, duration };
        let mut lines = vec![
            line(base, base, at),
            line(base, peak, edge),
            line(peak, peak, lasts.saturating_sub(edge * 2)),
            line(peak, base, edge),
            line(base, base, length.saturating_sub(end)),
        ];
        lines.retain(|line| !line.duration.is_zero());
        Some(lines)
    }

    fn sine(&mut self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Curve> {
        let mean = self.rate(fields, "mean", problems);
        let amplitude = self.rate(fields, "amplitude", problems);
        let period = fields.duration(problems, "period");
        let offset = fields.get("offset").map_or(Some(Duration::ZERO), |_| {
            fields.duration(problems, "offset")
        });
        let (mean, amplitude, period, offset) = (mean?, amplitude?, period?, offset?);
        if amplitude > mean {
            let shown = Quantity::Rate.show(mean.as_per_second());
            problems.push(
                Diagnostic::error(
                    "S060",
                    fields.span_of("amplitude"),
                    "the wave falls below 0/s: its amplitude exceeds its mean",
                )
                .label(format!("at most the mean, {shown}")),
            );
            return None;
        }
        if offset >= period {
            let message = "the offset is not within the wave";
            let label = format!("less than `period`, {}", show(period));
            problems
                .push(Diagnostic::error("S060", fields.span_of("offset"), message).label(label));
            return None;
        }
        Some(Curve::Sine {
            mean,
            amplitude,
            period,
            offset,
        })
    }
}

fn closed(fields: &Fields<'_>, problems: &mut Problems) -> Option<ArrivalSpec> {
    let clients = super::small(fields, "clients", problems);
    let think_time = think_time(fields, problems);
    Some(ArrivalSpec::Closed {
        clients: clients?,
        think_time: think_time?,
    })
}

fn think_time(fields: &Fields<'_>, problems: &mut Problems) -> Option<ThinkTime> {
    const MONTH: f64 = 30.0 * 86_400e9;
    let Some(value) = fields.get("think_time") else {
        return Some(ThinkTime::Constant(Duration::ZERO));
    };
    if value.get_ref().as_table().is_none() {
        let bounds = Bounds {
            min: 0.0,
            max: MONTH,
            above_min: false,
        };
        let nanos = bounded(value, "think_time", Quantity::Duration, bounds, problems)?;
        return Some(ThinkTime::Constant(duration(nanos)));
    }
    let fields = Fields::open(&THINK_TIME, value, problems)?;
    if fields.kind? == "exponential" {
        let mean = fields.duration(problems, "mean")?;
        return Some(ThinkTime::Exponential { mean });
    }
    let min = fields.duration(problems, "min");
    let max = fields.duration(problems, "max");
    let (min, max) = (min?, max?);
    if min > max {
        let message = "the shortest think time is longer than the longest";
        let label = "`min` must not exceed `max`";
        problems.push(Diagnostic::error("S024", fields.span_of("min"), message).label(label));
        return None;
    }
    Some(ThinkTime::Uniform { min, max })
}

/// `length` in `count` parts whose ends are those of equal ones, to the nanosecond.
fn equal_parts(length: Duration, count: u32) -> impl Iterator<Item = Duration> {
    let end = move |part: u32| {
        let nanos = length.as_nanos() * u128::from(part) / u128::from(count);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    };
    (0..count).map(move |part| end(part + 1).saturating_sub(end(part)))
}

/// A duration as a file would write it.
fn show(duration: Duration) -> String {
    Quantity::Duration.show(duration.as_secs_f64() * 1e9)
}

/// Where a mix of `named` shares is, and whether it adds up.
pub(super) fn adds_up(total: f64, span: &Span, problems: &mut Problems) -> bool {
    let off = (total - 1.0).abs();
    if off <= 1e-6 {
        return true;
    }
    let percent = |share: f64| grouped((share * 1e8).round() / 1e6);
    let verb = if total > 1.0 { "lower" } else { "raise" };
    let message = format!("mix adds up to {} %, not 100 %", percent(total));
    problems.push(
        Diagnostic::error("S011", span.clone(), message)
            .help(format!("{verb} one by {} %", percent(off))),
    );
    false
}
