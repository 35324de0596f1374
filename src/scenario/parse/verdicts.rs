//! `[[threshold]]` and `[validity]`: what the verdict is decided on.

use super::{
    super::{
        Metric, Threshold, Validity,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::Fields,
            value::{bounded, duration, nearest},
        },
        language::{self, Bounds},
        quantity::Quantity,
    },
    requests, share,
};
use crate::units::{Quantile, Rate, Share};

pub(super) fn thresholds(
    top: &Fields<'_>,
    operations: &[requests::Draft],
    problems: &mut Problems,
) -> Vec<Threshold> {
    let mut seen: Vec<(&str, Option<usize>)> = Vec::new();
    let mut thresholds = Vec::new();
    for fields in top.many(problems, "threshold") {
        let name = fields.text(problems, "metric");
        let operation = fields.text(problems, "operation").and_then(|name| {
            requests::find(operations, name, fields.span_of("operation"), problems)
        });
        let Some(name) = name else { continue };
        let Some(metric) = metric(name, &fields, problems) else {
            continue;
        };
        if seen.contains(&(name, operation)) {
            let message = format!("two thresholds limit {}", quoted(name));
            problems.push(
                Diagnostic::error("S010", fields.span_of("metric"), message)
                    .label("keep one, or give them different operations"),
            );
        }
        seen.push((name, operation));
        thresholds.push(Threshold { metric, operation });
    }
    thresholds
}

/// What a metric's limit is.
enum Kind {
    Throttled,
    Errors,
    CompletedRate,
    ResponseTime(Quantile),
    ServiceTime(Quantile),
}

fn metric(name: &str, fields: &Fields<'_>, problems: &mut Problems) -> Option<Metric> {
    let span = fields.span_of("metric");
    let kind = match name {
        "throttled" => Kind::Throttled,
        "errors" => Kind::Errors,
        "completed_rate" => Kind::CompletedRate,
        _ => timed(name, span, problems)?,
    };
    let (wanted, unwanted) = match kind {
        Kind::CompletedRate => ("min", "max"),
        _ => ("max", "min"),
    };
    if fields.get(unwanted).is_some() {
        problems.push(
            Diagnostic::error(
                "S013",
                fields.span_of(unwanted),
                format!("`{unwanted}` does not apply to {}", quoted(name)),
            )
            .label(format!("it is limited by `{wanted}`")),
        );
    }
    let Some(value) = fields.get(wanted) else {
        if fields.get(unwanted).is_none() {
            problems.push(
                Diagnostic::error(
                    "S005",
                    fields.span.clone(),
                    format!("`{wanted}` is missing from [[threshold]]"),
                )
                .label(format!("a threshold on {} needs it", quoted(name))),
            );
        }
        return None;
    };
    let mut max_share = || {
        let all = Bounds {
            min: 0.0,
            max: 1.0,
            above_min: false,
        };
        bounded(value, wanted, Quantity::Share, all, problems).and_then(Share::new)
    };
    Some(match kind {
        Kind::Throttled => Metric::Throttled { max: max_share()? },
        Kind::Errors => Metric::Errors { max: max_share()? },
        Kind::CompletedRate => {
            let min = fields
                .quantity(problems, "min")
                .and_then(Rate::per_second)?;
            Metric::CompletedRate { min }
        }
        Kind::ResponseTime(quantile) | Kind::ServiceTime(quantile) => {
            let day = Bounds {
                min: 0.0,
                max: 86_400e9,
                above_min: true,
            };
            let max = bounded(value, wanted, Quantity::Duration, day, problems).map(duration)?;
            match kind {
                Kind::ResponseTime(_) => Metric::ResponseTime { quantile, max },
                _ => Metric::ServiceTime { quantile, max },
            }
        }
    })
}

fn timed(name: &str, span: Span, problems: &mut Problems) -> Option<Kind> {
    let response = name.strip_prefix("response_time_p");
    let percentile = response.or_else(|| name.strip_prefix("service_time_p"));
    let Some(percentile) = percentile else {
        let known = language::METRICS.iter().copied();
        let known = known.chain(["response_time_p99", "service_time_p99"]);
        let near = nearest(name, known.clone());
        problems.push(
            Diagnostic::error("S009", span, format!("`metric` cannot be {}", quoted(name)))
                .label(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
                .note(format!(
                    "known here: {}",
                    known.collect::<Vec<_>>().join(", ")
                )),
        );
        return None;
    };
    let plain = percentile.len() <= 9
        && percentile.starts_with(|c: char| c.is_ascii_digit())
        && percentile.ends_with(|c: char| c.is_ascii_digit())
        && percentile
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let quantile = format!("{percentile}e-2").parse().ok().filter(|_| plain);
    let Some(quantile) = quantile.and_then(Quantile::new) else {
        let message = format!("{} is not a percentile", quoted(percentile));
        problems.push(
            Diagnostic::error("S009", span, message)
                .label("between 0 and 100, such as p50, p99 or p99.9"),
        );
        return None;
    };
    Some(match response {
        Some(_) => Kind::ResponseTime(quantile),
        None => Kind::ServiceTime(quantile),
    })
}

pub(super) fn validity(top: &Fields<'_>, problems: &mut Problems) -> Validity {
    let default = Validity::default();
    let Some(fields) = top.one(problems, "validity") else {
        return default;
    };
    Validity {
        dispatch_delay_p99: fields
            .duration(problems, "dispatch_delay_p99")
            .unwrap_or(default.dispatch_delay_p99),
        dropped: share(&fields, "dropped", problems).unwrap_or(default.dropped),
    }
}
