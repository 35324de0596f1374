//! Requests that read ranges: query and scan, one page or all.

use super::{Answer, Attempt, answer, declared, single::send, values};
use crate::{
    scenario::Consistency,
    units::Direction,
    workload::request::{Page, QueryRequest, SortCondition},
};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

/// Sets what query and scan have in common: builders with the same setters and no common trait.
macro_rules! page {
    ($builder:expr, $page:expr, $table:expr, $start:expr) => {{
        let page: &Page = $page;
        let mut builder = $builder
            .table_name($table)
            .set_index_name(page.index.as_deref().map(str::to_owned))
            .set_limit(
                page.limit
                    .map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
            )
            .set_exclusive_start_key($start);
        // A global index refuses the very mention of strong reads.
        if page.consistency == Consistency::Strong {
            builder = builder.consistent_read(true);
        }
        if let Some(attribute) = &page.filter {
            builder = builder
                .filter_expression("attribute_exists(#f)")
                .expression_attribute_names("#f", &**attribute);
        }
        builder
    }};
}

impl Attempt<'_> {
    pub(super) async fn query(&mut self, query: &QueryRequest) -> Result<(), Answer> {
        let mut start = None;
        loop {
            let request = page!(self.client.query(), &query.page, &self.table.name, start);
            let (name, value) = &query.partition_key;
            let mut request = request
                .expression_attribute_names("#p", name)
                .expression_attribute_values(":p", values::value(value))
                .scan_index_forward(!query.descending);
            let mut condition = "#p = :p".to_owned();
            if let Some((name, range)) = &query.range {
                request = request.expression_attribute_names("#s", name);
                let (text, bounds) = match range {
                    SortCondition::Equal(value) => ("#s = :s", [Some(value), None]),
                    SortCondition::From(value) => ("#s >= :s", [Some(value), None]),
                    SortCondition::To(value) => ("#s <= :s", [Some(value), None]),
                    SortCondition::Between(low, high) => {
                        ("#s BETWEEN :s AND :t", [Some(low), Some(high)])
                    }
                    SortCondition::BeginsWith(value) => {
                        ("begins_with(#s, :s)", [Some(value), None])
                    }
                };
                for (name, bound) in [":s", ":t"].into_iter().zip(bounds) {
                    if let Some(bound) = bound {
                        request = request.expression_attribute_values(name, values::value(bound));
                    }
                }
                condition = format!("{condition} AND {text}");
            }
            let request = request.key_condition_expression(condition);
            start = send!(self, Direction::Read, request)?.last_evaluated_key;
            if start.is_none() || !query.page.all_pages {
                return Ok(());
            }
        }
    }

    pub(super) async fn scan(
        &mut self,
        (segment, segments): (u32, u32),
        page: &Page,
    ) -> Result<(), Answer> {
        let mut start = None;
        loop {
            let mut request = page!(self.client.scan(), page, &self.table.name, start);
            if segments > 1 {
                let number = |value| i32::try_from(value).unwrap_or(i32::MAX);
                request = request
                    .segment(number(segment))
                    .total_segments(number(segments));
            }
            start = send!(self, Direction::Read, request)?.last_evaluated_key;
            if start.is_none() || !page.all_pages {
                return Ok(());
            }
        }
    }
}
