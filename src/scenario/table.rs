//! Tables and the items in them.

use serde::Serialize;

use super::value::Attribute;
use crate::units::{ByDirection, CapacityUnits};

/// One DynamoDB table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// 3–255 of `a-zA-Z0-9_.-`, as DynamoDB demands.
    pub name: String,
    /// Index into `attributes`: the partition key; type S, N or B, present in every item.
    pub partition_key: usize,
    /// Index into `attributes`: the sort key, if any.
    pub sort_key: Option<usize>,
    /// How capacity is bought.
    pub billing: Billing,
    /// Items numbered `0..items` that exist once the table is loaded.
    pub items: u64,
    /// Every attribute that an item may have, in the order of the file; names are distinct.
    pub attributes: Vec<Attribute>,
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// A fixed number of RCU and WCU, at least 1 each.
    Provisioned(ByDirection<CapacityUnits>),
}
