//! What is yet to come, in the order in which it will.
//!
//! Owns that order and nothing of what the events mean. Most delays of a simulation are one
//! of a few constants, so that what is queued with one of them is due in the order in which it
//! was queued: it needs a place at the end of a line, not one in a heap.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
};

use crate::units::Timestamp;

/// Lines for events that come in order: one for each constant delay, and one to spare.
const LANES: usize = 3;

/// Events by instant; of those at one instant, what was queued first comes first.
#[derive(Debug)]
pub(super) struct EventQueue<E> {
    lanes: [VecDeque<Pending<E>>; LANES],
    rest: BinaryHeap<Reverse<Pending<E>>>,
    /// What comes first.
    head: Option<Head>,
    /// Events that were ever queued.
    queued: u64,
}

/// Where the first event is: the number of a lane, [`LANES`] for the heap.
#[derive(Clone, Copy, Debug)]
struct Head {
    place: usize,
    key: (Timestamp, u64),
}

#[derive(Debug)]
struct Pending<E> {
    at: Timestamp,
    order: u64,
    event: E,
}

impl<E> EventQueue<E> {
    pub(super) const fn new() -> Self {
        Self {
            lanes: [const { VecDeque::new() }; LANES],
            rest: BinaryHeap::new(),
            head: None,
            queued: 0,
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, event: E) {
        let order = self.queued;
        self.queued += 1;
        let pending = Pending { at, order, event };
        let key = pending.key();
        let follows = |lane: &VecDeque<Pending<E>>| lane.back().is_none_or(|last| last.at <= at);
        let place = self.lanes.iter().position(follows).unwrap_or(LANES);
        match self.lanes.get_mut(place) {
            Some(lane) => lane.push_back(pending),
            None => self.rest.push(Reverse(pending)),
        }
        if self.head.is_none_or(|head| key < head.key) {
            self.head = Some(Head { place, key });
        }
    }

    /// When the next event comes.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.head.map(|head| head.key.0)
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, E)> {
        let Head { place, .. } = self.head?;
        let pending = match self.lanes.get_mut(place) {
            Some(lane) => lane.pop_front()?,
            None => self.rest.pop()?.0,
        };
        self.head = self.first();
        Some((pending.at, pending.event))
    }

    fn first(&self) -> Option<Head> {
        let mut first = self.rest.peek().map(|Reverse(pending)| Head {
            place: LANES,
            key: pending.key(),
        });
        for (place, lane) in self.lanes.iter().enumerate() {
            if let Some(key) = lane.front().map(Pending::key)
                && first.is_none_or(|first| key < first.key)
            {
                first = Some(Head { place, key });
            }
        }
        first
    }
}

impl<E> Pending<E> {
    const fn key(&self) -> (Timestamp, u64) {
        (self.at, self.order)
    }
}

impl<E> PartialEq for Pending<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<E> Eq for Pending<E> {}
impl<E> PartialOrd for Pending<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Pending<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn events_come_by_instant_and_then_as_they_were_queued(
            delays in proptest::collection::vec(0_u64..20, 0..200),
        ) {
            let mut queue = EventQueue::new();
            for (number, delay) in delays.iter().enumerate() {
                queue.push(Timestamp::from_nanos(*delay), number);
            }
            let mut expected: Vec<_> = delays.iter().copied().enumerate().collect();
            expected.sort_by_key(|(number, delay)| (*delay, *number));
            for (number, delay) in expected {
                prop_assert_eq!(queue.next_at(), Some(Timestamp::from_nanos(delay)));
                prop_assert_eq!(queue.pop(), Some((Timestamp::from_nanos(delay), number)));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
