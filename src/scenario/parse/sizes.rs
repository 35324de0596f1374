//! Whether every item that a table can hold is one that DynamoDB takes.

use super::{
    super::{
        diagnostic::{Diagnostic, quoted},
        file::{Problems, value::grouped_whole},
        sizes::{ITEM_BYTES_MAX, attribute_bytes_max, item_bytes_max},
    },
    tables::Draft,
};

pub(super) fn check_item_size(draft: &Draft, problems: &mut Problems) {
    let total = item_bytes_max(&draft.table);
    let sizes = draft.table.attributes.iter().map(attribute_bytes_max);
    let largest = sizes.enumerate().max_by_key(|(_, size)| *size);
    if let (true, Some((index, size))) = (total > ITEM_BYTES_MAX, largest) {
        let name = quoted(&draft.table.attributes[index].name);
        let message = format!(
            "an item could reach {} B; DynamoDB allows 409,600 B",
            grouped_whole(&total.to_string())
        );
        problems.push(
            Diagnostic::error("S019", draft.attribute_spans[index].clone(), message).label(
                format!(
                    "{name} alone can take {} B",
                    grouped_whole(&size.to_string())
                ),
            ),
        );
    }
}
