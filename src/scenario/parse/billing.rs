//! `billing`: how the capacity of a table or of a global index is bought.

use super::{
    super::{
        AutoScaling, Billing,
        diagnostic::Diagnostic,
        file::{Problems, Span, fields::Fields},
    },
    share, units,
};
use crate::units::{ByDirection, CapacityUnits, Direction, Share};

/// What auto scaling aims at where nothing is said. [AS]
const TARGET_DEFAULT: f64 = 0.7;

/// What a section says, and where it says how much.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub billing: Billing,
    pub capacity_spans: ByDirection<Span>,
}

/// `billing` of `owner`; a stand-in where it cannot be read.
pub(super) fn read(owner: &Fields<'_>, problems: &mut Problems) -> Draft {
    let one = CapacityUnits::whole(1);
    let Some(fields) = owner.one(problems, "billing") else {
        return Draft {
            billing: Billing::fixed(ByDirection::from_fn(|_| one)),
            capacity_spans: ByDirection::from_fn(|_| owner.span.clone()),
        };
    };
    let key = |direction| match direction {
        Direction::Read => "read",
        Direction::Write => "write",
    };
    let billing = if fields.kind == Some("on-demand") {
        on_demand(&fields, problems)
    } else {
        let mut capacity = |direction| whole(&fields, key(direction), problems).unwrap_or(one);
        let capacity = ByDirection {
            read: capacity(Direction::Read),
            write: capacity(Direction::Write),
        };
        Billing::Provisioned {
            capacity,
            auto_scaling: ByDirection {
                read: auto_scaling(&fields, "scale_read", capacity.read, problems),
                write: auto_scaling(&fields, "scale_write", capacity.write, problems),
            },
        }
    };
    Draft {
        billing,
        capacity_spans: ByDirection::from_fn(|direction| {
            let span = |name: &str| fields.get(name).map(|_| fields.span_of(name));
            span(key(direction)).unwrap_or_else(|| fields.span_of("mode"))
        }),
    }
}

fn on_demand(fields: &Fields<'_>, problems: &mut Problems) -> Billing {
    let mut read = |name| whole(fields, name, problems);
    let maximum = ByDirection {
        read: read("max_read"),
        write: read("max_write"),
    };
    let warm = ByDirection {
        read: read("warm_read"),
        write: read("warm_write"),
    };
    for (direction, name) in [
        (Direction::Read, "warm_read"),
        (Direction::Write, "warm_write"),
    ] {
        if let (Some(warm), Some(maximum)) = (warm[direction], maximum[direction])
            && warm > maximum
        {
            problems.push(
                Diagnostic::error(
                    "S024",
                    fields.span_of(name),
                    format!("`{name}` exceeds the maximum"),
                )
                .label(format!("the maximum is {}", plain(maximum, direction)))
                .help("a table cannot be warm for more than it may serve"),
            );
        }
    }
    Billing::OnDemand { maximum, warm }
}

fn auto_scaling(
    billing: &Fields<'_>,
    name: &'static str,
    start: CapacityUnits,
    problems: &mut Problems,
) -> Option<AutoScaling> {
    let direction = if name == "scale_read" {
        Direction::Read
    } else {
        Direction::Write
    };
    let fields = billing.one(problems, name)?;
    let min = whole(&fields, "min", problems);
    let max = whole(&fields, "max", problems);
    let target = share(&fields, "target", problems).or_else(|| Share::new(TARGET_DEFAULT));
    let (min, max) = (min?, max?);
    if min > max {
        problems.push(
            Diagnostic::error(
                "S024",
                fields.span_of("min"),
                "the lowest capacity exceeds the highest",
            )
            .label(format!("`max` is {}", plain(max, direction))),
        );
        return None;
    }
    if !(min..=max).contains(&start) {
        problems.push(
            Diagnostic::error(
                "S024",
                billing.span_of(if direction == Direction::Read {
                    "read"
                } else {
                    "write"
                }),
                "the capacity at the start lies outside of auto scaling's bounds",
            )
            .label(format!(
                "from {} to {}",
                plain(min, direction),
                plain(max, direction)
            )),
        );
    }
    Some(AutoScaling {
        min,
        max,
        target_utilization: target?,
    })
}

fn plain(units: CapacityUnits, direction: Direction) -> String {
    format!("{} {}", units.as_f64(), direction.unit())
}

fn whole(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<CapacityUnits> {
    fields.get(name)?;
    units(fields, name, problems).map(|units| CapacityUnits::whole(i64::from(units)))
}
