//! Which part of a partition a query reads, and how it falls into pages.

use crate::{
    capacity::{
        cost::{self, ReadMode},
        limits::QUERY_PAGE,
    },
    units::{Bytes, CapacityUnits},
    workload::request::SortCondition,
};

use super::place::Rank;

/// Bounds on sort keys, both included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RankRange {
    from: Option<Rank>,
    to: Option<Rank>,
    prefix: Option<Vec<u8>>,
}

impl RankRange {
    pub(super) fn of(condition: Option<&SortCondition>) -> Self {
        let rank = |value| Some(Rank::of(Some(value)));
        let bounds = |from, to| Self {
            from,
            to,
            prefix: None,
        };
        match condition {
            None => Self::default(),
            Some(SortCondition::Equal(value)) => bounds(rank(value), rank(value)),
            Some(SortCondition::From(value)) => bounds(rank(value), None),
            Some(SortCondition::To(value)) => bounds(None, rank(value)),
            Some(SortCondition::Between(low, high)) => bounds(rank(low), rank(high)),
            Some(SortCondition::BeginsWith(value)) => {
                let from = Rank::of(Some(value));
                let prefix = Some(from.bytes().to_vec());
                Self {
                    from: Some(from),
                    to: None,
                    prefix,
                }
            }
        }
    }

    /// Whether `rank` lies before the range.
    pub(super) fn is_after(&self, rank: &Rank) -> bool {
        self.from.as_ref().is_some_and(|from| rank < from)
    }

    /// Whether `rank`, which does not lie before the range, lies in it.
    pub(super) fn reaches(&self, rank: &Rank) -> bool {
        self.to.as_ref().is_none_or(|to| rank <= to)
            && self
                .prefix
                .as_ref()
                .is_none_or(|prefix| rank.bytes().starts_with(prefix))
    }
}

/// How a query or scan reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) mode: ReadMode,
    pub(super) limit: Option<u32>,
    pub(super) all_pages: bool,
}

/// Units of each page over items of these sizes, in order; at least one page. A page ends with
/// the item that reaches [`QUERY_PAGE`] or the limit; whether there is more shows only when
/// the next one is asked for.
pub(super) fn pages(sizes: impl Iterator<Item = Bytes>, reading: Reading) -> Vec<CapacityUnits> {
    let mut pages = Vec::new();
    let (mut sum, mut count) = (Bytes(0), 0);
    let mut is_open = true;
    for size in sizes {
        if !is_open && !reading.all_pages {
            break;
        }
        is_open = true;
        sum = sum + size;
        count += 1;
        if sum >= QUERY_PAGE || reading.limit.is_some_and(|limit| count >= limit) {
            pages.push(cost::read_as(sum, reading.mode));
            (sum, count) = (Bytes(0), 0);
            is_open = false;
        }
    }
    if is_open || reading.all_pages {
        pages.push(cost::read_as(sum, reading.mode));
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_the_limit_or_the_item_that_fills_it() {
        let check = |sizes: &[u64], limit, all_pages, expected: &[i64]| {
            let reading = Reading {
                mode: ReadMode::Strong,
                limit,
                all_pages,
            };
            let pages = pages(sizes.iter().copied().map(Bytes), reading);
            let expected: Vec<_> = expected.iter().copied().map(CapacityUnits::whole).collect();
            assert_eq!(pages, expected, "{sizes:?}");
        };
        check(&[], None, false, &[1]);
        check(&[], None, true, &[1]);
        check(&[4096, 4096, 1], None, false, &[3]);
        check(&[4096, 4096, 1], Some(2), false, &[2]);
        check(&[4096, 4096, 1], Some(2), true, &[2, 1]);
        // The last page is known to be the last only after an empty one.
        check(&[4096, 4096], Some(1), true, &[1, 1, 1]);
        check(&[700_000, 700_000, 1], None, false, &[342]);
        check(&[700_000, 700_000, 1], None, true, &[342, 1]);
    }
}
