//! What became of an item that was written to: which arrival wrote which attribute.
//!
//! Values are pure functions of the item's number or of the arrival that set them, so none is
//! kept; two that come from the same place are equal, and others are written out and compared.

use crate::{
    scenario::Index,
    units::Bytes,
    workload::{Workload, item::AttributeValue},
};

/// An item that is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Image {
    /// As item number so-and-so is loaded or put.
    Whole(u64),
    /// Changed since by updates.
    Changed(Box<Changed>),
}

/// An item after updates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Changed {
    /// The item that it was, or whose keys it has.
    base: u64,
    /// Whether there was more than the keys before the updates.
    whole: bool,
    /// By attribute: which operation of the mix last set it, for which item, as which arrival.
    set: Vec<(usize, Setting)>,
}

/// Who set an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Index into `Scenario::operations`.
    pub(super) operation: usize,
    /// The item that the arrival was about.
    pub(super) number: u64,
    /// The arrival.
    pub(super) sequence: u64,
}

/// Where the value of an attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Loaded(u64),
    Set(Setting),
}

/// The items of one table, as far as values are concerned.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) workload: Workload,
    pub(super) table: usize,
}

impl Values {
    /// `image` (the keys of item `number` where there is none) after `setting`.
    pub(super) fn updated(&self, image: Option<&Image>, setting: Setting) -> Image {
        let mut changed = match image {
            Some(Image::Changed(changed)) => (**changed).clone(),
            Some(&Image::Whole(base)) => Changed {
                base,
                whole: true,
                set: Vec::new(),
            },
            None => Changed {
                base: setting.number,
                whole: false,
                set: Vec::new(),
            },
        };
        for attribute in &self.workload.scenario().operations[setting.operation].set {
            match changed.set.iter_mut().find(|(known, _)| known == attribute) {
                Some((_, last)) => *last = setting,
                None => changed.set.push((*attribute, setting)),
            }
        }
        Image::Changed(Box::new(changed))
    }

    /// The whole item in bytes.
    pub(super) fn size(&self, image: &Image) -> Bytes {
        match image {
            Image::Whole(number) => self.workload.item_size(self.table, *number),
            Image::Changed(_) => self
                .attributes()
                .filter_map(|attribute| self.attribute_size(image, attribute))
                .sum(),
        }
    }

    /// The item's entry in `index` in bytes; `None` when it has none there.
    pub(super) fn entry_size(&self, image: &Image, index: &Index) -> Option<Bytes> {
        let mut keys = std::iter::once(index.partition_key).chain(index.sort_key);
        if !keys.all(|key| self.origin(image, key).is_some()) {
            return None;
        }
        let table = &self.workload.scenario().tables[self.table];
        let held = self
            .attributes()
            .filter(|attribute| index.holds(table, *attribute));
        Some(
            held.filter_map(|attribute| self.attribute_size(image, attribute))
                .sum(),
        )
    }

    /// The value of an attribute.
    pub(super) fn value(&self, image: &Image, attribute: usize) -> Option<AttributeValue> {
        match self.origin(image, attribute)? {
            Origin::Loaded(number) => self.workload.value(self.table, attribute, number),
            Origin::Set(setting) => Some(self.set_value(attribute, setting)),
        }
    }

    /// Whether an attribute is the same in both.
    pub(super) fn agree(&self, one: &Image, other: &Image, attribute: usize) -> bool {
        self.origin(one, attribute) == self.origin(other, attribute)
            || self.value(one, attribute) == self.value(other, attribute)
    }

    fn attributes(&self) -> std::ops::Range<usize> {
        0..self.workload.scenario().tables[self.table].attributes.len()
    }

    fn attribute_size(&self, image: &Image, attribute: usize) -> Option<Bytes> {
        match self.origin(image, attribute)? {
            Origin::Loaded(number) => self.workload.attribute_size(self.table, attribute, number),
            Origin::Set(Setting {
                number, sequence, ..
            }) => Some(
                self.workload
                    .redrawn_size(self.table, attribute, number, sequence),
            ),
        }
    }

    fn origin(&self, image: &Image, attribute: usize) -> Option<Origin> {
        let loaded = |number| {
            let is_present = self.workload.is_present(self.table, attribute, number);
            is_present.then_some(Origin::Loaded(number))
        };
        match image {
            Image::Whole(number) => loaded(*number),
            Image::Changed(changed) => {
                let set = changed.set.iter().find(|(known, _)| *known == attribute);
                if let Some((_, setting)) = set {
                    return Some(Origin::Set(*setting));
                }
                let table = &self.workload.scenario().tables[self.table];
                let is_key = attribute == table.partition_key || Some(attribute) == table.sort_key;
                if changed.whole || is_key {
                    loaded(changed.base)
                } else {
                    None
                }
            }
        }
    }

    fn set_value(&self, attribute: usize, setting: Setting) -> AttributeValue {
        let Setting {
            operation,
            number,
            sequence,
        } = setting;
        let set = &self.workload.scenario().operations[operation].set;
        let position = set.iter().position(|known| *known == attribute);
        let mut values = self.workload.redrawn(operation, number, sequence);
        let position = position.expect("it was set by this operation");
        values.swap_remove(position).1
    }
}
