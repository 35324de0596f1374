//! What each partition was asked for, since somebody looked last.

use std::ops::AddAssign;

use super::partition::KeyHash;
use crate::units::{ByDirection, CapacityUnits};

/// One direction of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Units spent.
    pub served: CapacityUnits,
    /// Units that it was asked for beyond its ceiling.
    pub refused: CapacityUnits,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionTraffic {
    /// Where its range begins, which tells partitions apart over splits.
    pub from: KeyHash,
    /// Reads and writes.
    pub directions: ByDirection<Traffic>,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.served += more.served;
        self.refused += more.refused;
    }
}
