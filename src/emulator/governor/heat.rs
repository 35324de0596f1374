//! Which partitions and keys were hot: asked of the watches of all tables.

use super::Governor;
use crate::{
    capacity::throttle::Resource,
    record::{HottestNow, heat::ResourceHeat},
    scenario::Table,
};

impl Governor {
    /// The partition of a table or its indexes that came closest to its ceiling in the last
    /// second.
    pub(super) fn hottest(&self, table: &Table) -> Option<HottestNow> {
        let buckets = self.tables.get(&table.name)?;
        let indexes = table.global_indexes().enumerate();
        let indexes = indexes.filter_map(|(position, (_, index, _))| {
            Some((*buckets.indexes.get(&index.name)?, Some(position)))
        });
        let all = std::iter::once((Resource::Table, None)).chain(indexes);
        let each = all.filter_map(|(resource, index)| {
            let (partition, direction, of_ceiling) =
                buckets.watch.hottest(resource, &self.parameters)?;
            Some(HottestNow {
                index,
                partition,
                direction,
                of_ceiling,
            })
        });
        each.max_by(|a, b| a.of_ceiling.total_cmp(&b.of_ceiling))
    }

    /// What became hot in `tables` over the run, in their order, each before its indexes.
    pub(in crate::emulator) fn heat(&self, tables: &[Table]) -> Vec<ResourceHeat> {
        let mut heat = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            let Some(buckets) = self.tables.get(&table.name) else {
                continue;
            };
            let indexes = table.global_indexes().enumerate();
            let indexes = indexes.filter_map(|(position, (_, index, _))| {
                Some((*buckets.indexes.get(&index.name)?, Some(position)))
            });
            for (resource, index) in std::iter::once((Resource::Table, None)).chain(indexes) {
                let watch = &buckets.watch;
                heat.extend(watch.heat(resource, (number, index), &self.parameters));
            }
        }
        heat
    }
}
