//! Items of the workload as the SDK wants them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue as SdkValue;
use aws_smithy_types::Blob;

use crate::workload::item::{AttributeValue, Item};

pub(super) fn item(item: &Item) -> HashMap<String, SdkValue> {
    item.iter()
        .map(|(name, attribute)| (name.clone(), value(attribute)))
        .collect()
}

pub(super) fn value(attribute: &AttributeValue) -> SdkValue {
    let blob = |bytes: &Vec<u8>| Blob::new(bytes.clone());
    match attribute {
        AttributeValue::S(text) => SdkValue::S(text.clone()),
        AttributeValue::N(number) => SdkValue::N(number.clone()),
        AttributeValue::B(bytes) => SdkValue::B(blob(bytes)),
        AttributeValue::Bool(truth) => SdkValue::Bool(*truth),
        AttributeValue::Null => SdkValue::Null(true),
        AttributeValue::L(list) => SdkValue::L(list.iter().map(value).collect()),
        AttributeValue::M(map) => SdkValue::M(item(map)),
        AttributeValue::Ss(texts) => SdkValue::Ss(texts.clone()),
        AttributeValue::Ns(numbers) => SdkValue::Ns(numbers.clone()),
        AttributeValue::Bs(all) => SdkValue::Bs(all.iter().map(blob).collect()),
    }
}
