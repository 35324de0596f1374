//! Sizes and units.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dynamometer::{
    capacity::{
        cost::{self, EntryChange, Images, ReadMode, WriteMode},
        limits,
    },
    scenario::PageLimitRule,
    units::{Bytes, CapacityUnits},
    workload::item::{self, AttributeValue, Item},
};
use serde_json::{Value, json};

use super::{Input, Kind, as_whole};

pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "size" => |i| json!({"item_bytes": item::size(&item_of(&i.0["item"])).0}),
        "nsize" => |i| json!({"value_bytes": item::number_size(i.text("number"))}),
        "storage" => |i| {
            let overhead = i
                .optional("overhead_bytes")
                .map_or(limits::STORAGE_OVERHEAD, bytes);
            let billed =
                limits::billed_storage(i.whole("items"), bytes_at(i, "item_bytes"), overhead);
            json!({"billable_bytes": billed.0})
        },
        "get" => |i| {
            let item = bytes(i.optional("item_bytes").unwrap_or(0.0));
            json!({"read_units": cost::read_as(item, mode(i)).as_f64()})
        },
        "batch_get" => |i| read_each(i, "item_bytes", mode(i)),
        "txn_get" => |i| read_each(i, "item_bytes", ReadMode::Transactional),
        "query_parts" => |i| read_each(i, "bytes_per_partition", mode(i)),
        "query" => |i| {
            let total = i
                .optional("total_bytes")
                .unwrap_or_else(|| i.number("count") * i.number("item_bytes"));
            json!({"read_units": cost::read_as(bytes(total), mode(i)).as_f64()})
        },
        "scan_page" => |i| {
            let item = bytes_at(i, "item_bytes");
            let limit = i.optional("limit").map(as_whole);
            let rule = PageLimitRule::IncludeCrossingItem;
            let count = cost::page_items(item, i.whole("items_available"), limit, rule);
            let units = cost::read_as(Bytes(count * item.0), mode(i));
            json!({"scanned_count": count, "read_units": units.as_f64()})
        },
        "full_scan" => |i| {
            let (pages, units) =
                cost::full_scan(bytes_at(i, "item_bytes"), i.whole("items"), mode(i));
            json!({"pages_with_items": pages, "read_units": units.as_f64()})
        },
        "lsi_fetch" => lsi_fetch,
        "write" => |i| json!({"write_units": write(i.0, write_mode(i.0)).as_f64()}),
        "batch_write" => {
            |i| json!({"write_units": write_each(i, "requests", WriteMode::Plain).as_f64()})
        }
        "txn_write" => {
            |i| json!({"write_units": write_each(i, "actions", WriteMode::Transactional).as_f64()})
        }
        "txn_replay" => |i| json!({"read_units": replay(i).as_f64()}),
        "replay" => |i| {
            let first = write_each(i, "actions", WriteMode::Transactional);
            json!({"first_write_units": first.as_f64(), "replay_read_units": replay(i).as_f64()})
        },
        "indexed_write" => |i| Arms::of(i.0, write_mode(i.0)).json(),
        "indexed_txn" => |i| {
            let mut sum = Arms::default();
            for action in i.list("actions") {
                sum.add(&Arms::of(action, WriteMode::Transactional));
            }
            sum.json()
        },
        "get_item" => |i| {
            let size = item::size(&item_of(&i.0["item"]));
            json!({"item_bytes": size.0, "read_units": cost::read_as(size, mode(i)).as_f64()})
        },
        "put_item" => |i| {
            let new = item::size(&item_of(&i.0["item"]));
            // An empty object replaces nothing, as in the reference.
            let replaced = i
                .get("replaces")
                .map(item_of)
                .filter(|item| !item.is_empty());
            let images = Images {
                old: replaced.as_ref().map(item::size),
                new: Some(new),
            };
            let units = cost::write_as(images, write_mode(i.0));
            json!({"item_bytes": new.0, "write_units": units.as_f64()})
        },
        "rwcu" => |i| {
            let writes = i.numbers("writes_per_region");
            let plain = CapacityUnits::from(writes.iter().sum::<f64>());
            let total = cost::replicated(plain, u32::try_from(writes.len()).unwrap());
            json!({"per_region": plain.as_f64(), "total": total.as_f64()})
        },
        _ => return None,
    })
}

#[derive(Default)]
struct Arms {
    table: CapacityUnits,
    gsi: Option<CapacityUnits>,
    lsi: Option<CapacityUnits>,
}

impl Arms {
    fn of(write: &Value, mode: WriteMode) -> Self {
        let arm = |name: &str| {
            let entry = &write[name];
            let flag = |field: &str| entry[field].as_bool().unwrap_or(false);
            let change = match (flag("key_changed"), flag("identical")) {
                (true, _) => EntryChange::KeyMoved,
                (false, true) => EntryChange::Identical,
                (false, false) => EntryChange::InPlace,
            };
            cost::index_write(images(entry), change)
        };
        Self {
            table: cost::write_as(images(&write["table"]), mode),
            gsi: arm("gsi"),
            lsi: arm("lsi"),
        }
    }

    fn add(&mut self, other: &Self) {
        let sum = |a: Option<CapacityUnits>, b: Option<CapacityUnits>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or_default() + b.unwrap_or_default()),
        };
        self.table += other.table;
        self.gsi = sum(self.gsi, other.gsi);
        self.lsi = sum(self.lsi, other.lsi);
    }

    fn json(&self) -> Value {
        let total = self.table + self.gsi.unwrap_or_default() + self.lsi.unwrap_or_default();
        let mut out = json!({"Table": self.table.as_f64(), "total": total.as_f64()});
        for (name, arm) in [("gsi", self.gsi), ("lsi", self.lsi)] {
            if let Some(units) = arm {
                out[name] = json!(units.as_f64());
            }
        }
        out
    }
}

fn lsi_fetch(i: &Input<'_>) -> Value {
    let (count, item) = (i.whole("count"), bytes_at(i, "table_item_bytes"));
    let entries = Bytes(count * bytes_at(i, "index_item_bytes").0);
    let items = || (0..count).map(|_| item);
    let fetch = cost::lsi_fetch(entries, items(), mode(i));
    let strong = cost::lsi_fetch(entries, items(), ReadMode::Strong);
    json!({
        "size_kb": 4.0 * (strong.index + strong.table).as_f64(),
        "index_units": fetch.index.as_f64(),
        "table_units": fetch.table.as_f64(),
        "read_units": (fetch.index + fetch.table).as_f64(),
    })
}

fn read_each(i: &Input<'_>, field: &str, mode: ReadMode) -> Value {
    let sizes = i.numbers(field).into_iter().map(bytes);
    json!({"read_units": cost::read_each(sizes, mode).as_f64()})
}

fn write(action: &Value, mode: WriteMode) -> CapacityUnits {
    cost::write_as(images(action), mode)
}

fn write_each(i: &Input<'_>, field: &str, mode: WriteMode) -> CapacityUnits {
    i.list(field).iter().map(|action| write(action, mode)).sum()
}

fn replay(i: &Input<'_>) -> CapacityUnits {
    i.list("actions")
        .iter()
        .map(|action| cost::replay(images(action)))
        .sum()
}

fn images(value: &Value) -> Images {
    let size = |field: &str| value[field].as_f64().map(bytes);
    Images {
        old: size("old_bytes"),
        new: size("new_bytes"),
    }
}

pub fn bytes(number: f64) -> Bytes {
    Bytes(as_whole(number))
}

pub fn bytes_at(i: &Input<'_>, field: &str) -> Bytes {
    bytes(i.number(field))
}

pub fn mode(i: &Input<'_>) -> ReadMode {
    match i.text("consistency") {
        "eventual" => ReadMode::Eventual,
        "strong" => ReadMode::Strong,
        "transactional" => ReadMode::Transactional,
        other => panic!("no consistency `{other}`"),
    }
}

pub fn write_mode(value: &Value) -> WriteMode {
    match value["transactional"].as_bool() {
        Some(true) => WriteMode::Transactional,
        _ => WriteMode::Plain,
    }
}

fn item_of(value: &Value) -> Item {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let binary = |value: &Value| STANDARD.decode(text(value)).unwrap();
    let members = || value.as_array().unwrap().iter();
    match kind.as_str() {
        "S" => AttributeValue::S(text(value)),
        "N" => AttributeValue::N(text(value)),
        "B" => AttributeValue::B(binary(value)),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null,
        "L" => AttributeValue::L(members().map(attribute).collect()),
        "M" => AttributeValue::M(item_of(value)),
        "SS" => AttributeValue::Ss(members().map(text).collect()),
        "NS" => AttributeValue::Ns(members().map(text).collect()),
        "BS" => AttributeValue::Bs(members().map(binary).collect()),
        other => panic!("no attribute type `{other}`"),
    }
}
