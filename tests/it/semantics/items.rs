//! Single items: written, changed, guarded, read back, and refused.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue,
    ReturnValuesOnConditionCheckFailure,
};
use serde_json::json;

use super::{
    script::{Script, item, v},
    tables::{PLAIN, PLAYS},
};

const INVALID: &str = "ValidationException";
const NOT_MET: &str = "ConditionalCheckFailedException";

pub async fn live_their_lives(script: &mut Script) {
    let client = script.client.clone();
    let put = client
        .put_item()
        .table_name(PLAIN)
        .set_item(Some(item(json!({
            "id": "one", "n": 1, "yes": true, "nothing": null, "size": "reserved",
            "list": ["a", 2, {"deep": [true]}], "map": {"x": {"y": "z"}, "é": "ü"},
            "exact": 0.1, "large": 123_456_789_012_345_678_i64,
        }))))
        .item("raw", AttributeValue::B(vec![0, 159, 255].into()))
        .item("texts", AttributeValue::Ss(vec!["a".into(), "b".into()]))
        .item("numbers", AttributeValue::Ns(vec!["1".into(), "20".into()]))
        .item("blobs", AttributeValue::Bs(vec![vec![1].into()]))
        .item(
            "precise",
            AttributeValue::N("1.2345678901234567890123456789012345678".into()),
        );
    let capacities = [
        None,
        Some(ReturnConsumedCapacity::None),
        Some(ReturnConsumedCapacity::Total),
        Some(ReturnConsumedCapacity::Indexes),
    ];
    for capacity in &capacities {
        let put = put.clone().set_return_consumed_capacity(capacity.clone());
        script.ok("put all types", put.send()).await;
    }
    let old = put.return_values(ReturnValue::AllOld).send();
    script.ok("put again and see the old", old).await;

    let get = client.get_item().table_name(PLAIN).key("id", v("one"));
    for capacity in &capacities {
        let get = get.clone().set_return_consumed_capacity(capacity.clone());
        let strong = get.clone().consistent_read(true).send();
        script.ok("get, strong", strong).await;
        script.ok("get, eventual", get.send()).await;
    }
    let projected = get
        .clone()
        .projection_expression("#s, #l[2].deep, #m.x.y, nowhere")
        .expression_attribute_names("#s", "size")
        .expression_attribute_names("#l", "list")
        .expression_attribute_names("#m", "map");
    script.ok("get a part", projected.send()).await;
    let missing = client.get_item().table_name(PLAIN).key("id", v("none"));
    let missing = missing.return_consumed_capacity(ReturnConsumedCapacity::Total);
    script.ok("get nothing", missing.send()).await;
    are_updated(script).await;
    are_put_into_indexes(script).await;

    let delete = client.delete_item().table_name(PLAIN).key("id", v("one"));
    let delete = delete
        .return_values(ReturnValue::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    script.ok("delete", delete.clone().send()).await;
    script.ok("delete what is not there", delete.send()).await;
}

async fn are_updated(script: &mut Script) {
    let update = script
        .client
        .update_item()
        .table_name(PLAIN)
        .key("id", v("one"))
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    for returned in [
        ReturnValue::None,
        ReturnValue::AllOld,
        ReturnValue::AllNew,
        ReturnValue::UpdatedOld,
        ReturnValue::UpdatedNew,
    ] {
        let plus = update
            .clone()
            .update_expression("SET n = n + :two, fresh = if_not_exists(fresh, :text)")
            .expression_attribute_values(":two", v(2))
            .expression_attribute_values(":text", v("new"));
        let what = format!("update and see {returned}");
        script.ok(&what, plus.return_values(returned).send()).await;
    }
    let update = update.return_values(ReturnValue::UpdatedNew);
    let several = update
        .clone()
        .update_expression(
            "SET #l = list_append(#l, :more), #m.x.y = :text REMOVE yes, #l[0] \
             ADD texts :texts, n :minus DELETE numbers :numbers",
        )
        .expression_attribute_names("#l", "list")
        .expression_attribute_names("#m", "map")
        .expression_attribute_values(":more", v(json!(["b", "c"])))
        .expression_attribute_values(":text", v("w"))
        .expression_attribute_values(":texts", AttributeValue::Ss(vec!["c".into()]))
        .expression_attribute_values(":minus", v(-3))
        .expression_attribute_values(":numbers", AttributeValue::Ns(vec!["20".into()]));
    let two = "Two document paths overlap";
    script.fails(two, INVALID, several.clone().send()).await;
    let several = several.update_expression(
        "SET #l = list_append(#l, :more), #m.x.y = :text REMOVE yes \
         ADD texts :texts, n :minus DELETE numbers :numbers",
    );
    script.ok("every clause", several.send()).await;
    let absent = update.clone().key("id", v("made by an update"));
    let absent = absent.update_expression("ADD hits :one");
    let absent = absent.expression_attribute_values(":one", v(1)).send();
    script.ok("update what is not there", absent).await;
    for (what, expression, value) in [
        ("add to a text", "SET n = :v + id", v(1)),
        ("no such path", "SET nowhere.deep = :v", v(1)),
        ("the key", "SET id = :v", v("other")),
        ("no expression", "SET n = ", v(1)),
        ("unused value", "REMOVE yes", v(1)),
        ("twice the same", "SET n = :v, n = :v", v(1)),
    ] {
        let wrong = update.clone().update_expression(expression);
        let wrong = wrong.expression_attribute_values(":v", value);
        script.fails(what, INVALID, wrong.send()).await;
    }
}

async fn are_put_into_indexes(script: &mut Script) {
    let client = script.client.clone();
    let put = client
        .put_item()
        .table_name(PLAYS)
        .return_item_collection_metrics(ReturnItemCollectionMetrics::Size)
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    for (what, plain) in [
        ("in no index", json!({"user": "ann", "turn": 1})),
        (
            "in the local index",
            json!({"user": "ann", "turn": 1, "score": 7}),
        ),
        (
            "in one global index",
            json!({"user": "ann", "turn": 1, "game": "go"}),
        ),
        (
            "in all",
            json!({"user": "ann", "turn": 1, "game": "go", "score": 7, "note": "x"}),
        ),
        (
            "the same",
            json!({"user": "ann", "turn": 1, "game": "go", "score": 7, "note": "x"}),
        ),
        (
            "moved",
            json!({"user": "ann", "turn": 1, "game": "chess", "score": 8, "note": "x"}),
        ),
    ] {
        let put = put.clone().set_item(Some(item(plain)));
        script.ok(what, put.send()).await;
    }
    let update = client
        .update_item()
        .table_name(PLAYS)
        .set_key(Some(item(json!({"user": "ann", "turn": 1}))))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let other = update.clone().update_expression("SET beside = :v");
    let other = other.expression_attribute_values(":v", v("y".repeat(2000)));
    script.ok("update beside the keys", other.send()).await;
    let moved = update.update_expression("SET score = score + :v");
    let moved = moved.expression_attribute_values(":v", v(1));
    script.ok("update a key of indexes", moved.send()).await;
    let delete = client
        .delete_item()
        .table_name(PLAYS)
        .set_key(Some(item(json!({"user": "ann", "turn": 1}))));
    let delete = delete.return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    script.ok("delete from all indexes", delete.send()).await;
}

pub async fn are_guarded_by_conditions(script: &mut Script) {
    let client = script.client.clone();
    let stored = json!({"id": "guarded", "n": 5, "text": "abcdef", "tags": ["x", "y"]});
    let put = client.put_item().table_name(PLAIN);
    let put = put.set_item(Some(item(stored)));
    script.ok("put what is guarded", put.clone().send()).await;
    let update = client
        .update_item()
        .table_name(PLAIN)
        .key("id", v("guarded"))
        .update_expression("SET m = :n")
        .expression_attribute_values(":n", v(5))
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let texts =
        |update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder| {
            update.expression_attribute_values(":t", v("abc"))
        };
    for (holds, with_text, condition) in [
        (
            true,
            false,
            "attribute_exists(id) AND attribute_not_exists(gone)",
        ),
        (false, false, "attribute_not_exists(id)"),
        (true, false, "n = :n AND n >= :n AND NOT n <> :n"),
        (false, false, "n < :n OR n > :n"),
        (true, true, "begins_with(#text, :t) AND contains(#text, :t)"),
        (false, true, "contains(tags, :t) OR #text = :t"),
        (true, false, "n BETWEEN :n AND :n AND n IN (:n)"),
        (true, false, "size(tags) < :n AND (size(id) > :n)"),
        (false, false, "gone = :n"),
    ] {
        let mut guarded = update.clone().condition_expression(condition);
        if with_text {
            guarded = texts(guarded).expression_attribute_names("#text", "text");
        }
        if holds {
            script.ok(condition, guarded.send()).await;
        } else {
            script.fails(condition, NOT_MET, guarded.send()).await;
        }
    }
    let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
    let absent = "attribute_not_exists(id)";
    let put = put.condition_expression(absent);
    script
        .fails("put what is there", NOT_MET, put.clone().send())
        .await;
    let put = put.return_values_on_condition_check_failure(all_old.clone());
    script.fails("and see it", NOT_MET, put.send()).await;
    let delete = client
        .delete_item()
        .table_name(PLAIN)
        .key("id", v("guarded"));
    let delete = delete.condition_expression(absent);
    let seen = delete.return_values_on_condition_check_failure(all_old);
    script
        .fails("delete what should not be there", NOT_MET, seen.send())
        .await;
}

pub async fn are_refused_when_they_are_none(script: &mut Script) {
    let client = script.client.clone();
    let put = client.put_item().table_name(PLAIN);
    for (what, plain) in [
        ("no key", json!({"other": "a"})),
        ("a key of another type", json!({"id": 1})),
        ("an empty key", json!({"id": ""})),
        ("a key that is too long", json!({"id": "k".repeat(2049)})),
        (
            "an item that is too large",
            json!({"id": "a", "x": "x".repeat(410_000)}),
        ),
    ] {
        let put = put.clone().set_item(Some(item(plain)));
        script.fails(what, INVALID, put.send()).await;
    }
    for (what, value) in [
        ("an empty set", AttributeValue::Ss(Vec::new())),
        (
            "a set with a double",
            AttributeValue::Ss(vec!["a".into(), "a".into()]),
        ),
        ("a number that is none", AttributeValue::N("one".into())),
        (
            "a number that is too large",
            AttributeValue::N("1e127".into()),
        ),
    ] {
        let put = put.clone().item("id", v("a")).item("x", value);
        script.fails(what, INVALID, put.send()).await;
    }
    let index_key = client.put_item().table_name(PLAYS);
    let index_key = index_key.set_item(Some(item(json!({"user": "a", "turn": 1, "game": 1}))));
    script
        .fails("an index key of another type", INVALID, index_key.send())
        .await;
    let get = client.get_item().table_name(PLAIN);
    let two = get.clone().key("id", v("a")).key("other", v("b")).send();
    script.fails("a key too many", INVALID, two).await;
    let reserved = get.clone().key("id", v("a")).projection_expression("size");
    script.either("a reserved word", reserved.send()).await;
    let unknown = get.table_name("Missing").key("id", v("a")).send();
    let code = "ResourceNotFoundException";
    script.fails("no such table", code, unknown).await;
}
