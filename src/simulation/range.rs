//! Which part of a partition a query reads, and how it falls into pages.

use crate::{
    capacity::{
        cost::{self, ReadMode},
        limits::PAGE_BYTES,
        partition::KeyHash,
    },
    scenario::{PageLimitRule, ScanRounding},
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
    pub(super) page_limit: PageLimitRule,
    pub(super) rounding: ScanRounding,
}

/// What a query or a scan reads if it reads to the end.
pub(super) struct Stretch<'a> {
    pub(super) from: KeyHash,
    pub(super) to: KeyHash,
    /// Where partitions begin, ascending; none for what lies within one.
    pub(super) partitions: &'a [KeyHash],
}

/// Units of each page over items of these places and sizes, in order; at least one page. A page
/// ends where [`PAGE_BYTES`] or the limit does; whether there is more shows only when the next
/// one is asked for.
pub(super) fn pages(
    items: impl Iterator<Item = (KeyHash, Bytes)>,
    stretch: &Stretch<'_>,
    reading: Reading,
) -> Vec<CapacityUnits> {
    let mut pages = Vec::new();
    let mut open = Some(OpenPage::at(stretch.from));
    let mut reached = stretch.from;
    for (place, size) in items {
        let is_beyond = |page: &OpenPage| {
            let exceeds = page.bytes + size > PAGE_BYTES;
            reading.page_limit == PageLimitRule::Exclude && page.count > 0 && exceeds
        };
        if let Some(full) = open.take_if(|page| is_beyond(page)) {
            pages.push(full.units(reading));
        }
        if open.is_none() && !reading.all_pages && !pages.is_empty() {
            return pages;
        }
        let page = open.get_or_insert_with(|| OpenPage::at(reached));
        page.go(place, stretch, reading);
        page.read(size);
        reached = place;
        let limit_reached = |page: &OpenPage| reading.limit.is_some_and(|max| page.count >= max);
        if let Some(full) = open.take_if(|page| page.bytes >= PAGE_BYTES || limit_reached(page)) {
            pages.push(full.units(reading));
        }
    }
    if open.is_some() || reading.all_pages {
        let mut last = open.unwrap_or_else(|| OpenPage::at(reached));
        last.go(stretch.to, stretch, reading);
        pages.push(last.units(reading));
    }
    pages
}

/// A page that is being read.
struct OpenPage {
    reached: KeyHash,
    count: u32,
    bytes: Bytes,
    /// Of those, in the partition that was reached.
    here: Bytes,
    /// Units of the partitions before.
    before: CapacityUnits,
}

impl OpenPage {
    const fn at(reached: KeyHash) -> Self {
        Self {
            reached,
            count: 0,
            bytes: Bytes(0),
            here: Bytes(0),
            before: CapacityUnits::ZERO,
        }
    }

    /// On to `place`. What lies in each partition on the way rounds alone, and an empty one costs
    /// the least. [API]
    fn go(&mut self, place: KeyHash, stretch: &Stretch<'_>, reading: Reading) {
        let number = |at: KeyHash| stretch.partitions.partition_point(|start| *start <= at);
        if reading.rounding == ScanRounding::PerPartition {
            for _ in number(self.reached)..number(place) {
                self.before += cost::read_as(self.here, reading.mode);
                self.here = Bytes(0);
            }
        }
        self.reached = place;
    }

    fn read(&mut self, size: Bytes) {
        self.count += 1;
        self.bytes = self.bytes + size;
        self.here = self.here + size;
    }

    fn units(&self, reading: Reading) -> CapacityUnits {
        self.before + cost::read_as(self.here, reading.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading = Reading {
        mode: ReadMode::Strong,
        limit: None,
        all_pages: true,
        page_limit: PageLimitRule::IncludeCrossingItem,
        rounding: ScanRounding::PerPartition,
    };

    /// Items at the places 10, 20, … of a stretch from 0 to 100.
    fn check_pages(sizes: &[u64], partitions: &[u64], reading: Reading, expected: &[i64]) {
        let items = (1..).map(|number| KeyHash::at(number * 10));
        let items = items.zip(sizes.iter().copied().map(Bytes));
        let partitions: Vec<_> = partitions.iter().copied().map(KeyHash::at).collect();
        let stretch = Stretch {
            from: KeyHash::at(0),
            to: KeyHash::at(100),
            partitions: &partitions,
        };
        let pages = pages(items, &stretch, reading);
        let expected: Vec<_> = expected.iter().copied().map(CapacityUnits::whole).collect();
        assert_eq!(pages, expected, "{sizes:?}");
    }

    #[test]
    fn a_page_without_the_crossing_item_holds_less_and_always_something() {
        let reading = Reading {
            page_limit: PageLimitRule::Exclude,
            ..READING
        };
        check_pages(&[700_000, 700_000, 1], &[], reading, &[171, 171]);
        check_pages(&[2_000_000, 1], &[], reading, &[489, 1]);
        check_pages(&[700_000, 700_000, 1], &[], READING, &[342, 1]);
    }

    #[test]
    fn every_partition_that_a_scan_touches_rounds_alone_unless_the_page_does() {
        let partitions = [0, 15, 50, 70];
        check_pages(&[100, 100], &partitions, READING, &[4]);
        let limited = Reading {
            limit: Some(2),
            all_pages: false,
            ..READING
        };
        check_pages(&[100, 100], &partitions, limited, &[2]);
        let per_page = Reading {
            rounding: ScanRounding::PerPage,
            ..READING
        };
        check_pages(&[100, 100], &partitions, per_page, &[1]);
    }

    #[test]
    fn a_page_ends_with_the_limit_or_the_item_that_fills_it() {
        let check = |sizes: &[u64], limit, all_pages, expected: &[i64]| {
            let reading = Reading {
                limit,
                all_pages,
                ..READING
            };
            check_pages(sizes, &[], reading, expected);
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
