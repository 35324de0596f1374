//! What each partition was asked for, since somebody looked last.

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

/// What a flow left over that is less than half a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rest {
    served: f64,
    refused: f64,
}

impl Rest {
    /// Half units of a flow, the rest of which is kept until it adds up to more.
    pub(super) fn traffic(&mut self, served: f64, refused: f64) -> Traffic {
        let whole = |rest: &mut f64, units: f64| {
            *rest += units;
            let whole = CapacityUnits::from((*rest * 2.0).floor() / 2.0);
            *rest -= whole.as_f64();
            whole
        };
        Traffic {
            served: whole(&mut self.served, served),
            refused: whole(&mut self.refused, refused),
        }
    }
}
