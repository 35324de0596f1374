//! Queries and scans: of tables and indexes, in parts and in pages.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, ReturnConsumedCapacity, Select},
};
use serde_json::json;

use super::{
    script::{Script, item, v},
    tables::PLAYS,
};

const INVALID: &str = "ValidationException";
/// Far beyond the pages of anything that is read here.
const PAGES_MAX: usize = 50;

fn query_of(script: &Script, user: &str) -> QueryFluentBuilder {
    let query = script.client.query().table_name(PLAYS);
    query
        .key_condition_expression("#u = :u")
        .expression_attribute_names("#u", "user")
        .expression_attribute_values(":u", v(user))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
}

fn game_of(script: &Script, index: &str) -> QueryFluentBuilder {
    let query = script.client.query().table_name(PLAYS).index_name(index);
    query
        .key_condition_expression("game = :g")
        .expression_attribute_values(":g", v("go"))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
}

pub async fn queries(script: &mut Script) {
    for turn in 0..12 {
        let game = if turn % 3 == 0 { "chess" } else { "go" };
        let play = json!({"user": "bob", "turn": turn, "game": game, "score": (turn * 7) % 12,
            "note": format!("play {turn}"), "text": "t".repeat(700)});
        let put = script.client.put_item().table_name(PLAYS);
        let put = put.set_item(Some(item(play))).send();
        script.ok("put a play", put).await;
    }
    let all = query_of(script, "bob");
    for capacity in [ReturnConsumedCapacity::None, ReturnConsumedCapacity::Total] {
        let all = all.clone().return_consumed_capacity(capacity);
        script.ok("all of a user", all.send()).await;
    }
    script.ok("eventual", all.clone().send()).await;
    let strong = all.clone().consistent_read(true);
    script.ok("strong", strong.clone().send()).await;
    let back = strong.scan_index_forward(false).limit(4);
    script.ok("the last four", back.send()).await;
    for range in ["turn > :a", "turn BETWEEN :a AND :b", "turn <= :b"] {
        let mut part = all.clone();
        part = part.key_condition_expression(format!("#u = :u AND {range}"));
        for (name, value) in [(":a", 3), (":b", 6)] {
            if range.contains(name) {
                part = part.expression_attribute_values(name, v(value));
            }
        }
        script.ok(range, part.send()).await;
    }
    let filtered = all.clone().filter_expression("score < :s");
    let filtered = filtered.expression_attribute_values(":s", v(5));
    script.ok("a filter", filtered.clone().send()).await;
    let counted = filtered.select(Select::Count).send();
    script.ok("a count", counted).await;
    let part = all.clone().projection_expression("turn, score").send();
    script.ok("a part of each", part).await;
    script
        .ok("nobody's", query_of(script, "nobody").send())
        .await;

    let local = all.clone().index_name("by_score");
    script.ok("a local index", local.clone().send()).await;
    let fetched = local
        .clone()
        .projection_expression("note")
        .consistent_read(true);
    script
        .ok("what it does not hold", fetched.limit(3).send())
        .await;
    let global = game_of(script, "by_game");
    script.ok("a global index", global.clone().send()).await;
    let range = global.key_condition_expression("game = :g AND score > :s");
    let range = range
        .expression_attribute_values(":s", v(4))
        .scan_index_forward(false);
    script.ok("a part of it", range.send()).await;
    let notes = game_of(script, "notes_of_game")
        .select(Select::Count)
        .send();
    script.ok("a count of another", notes).await;

    let strong = game_of(script, "by_game").consistent_read(true).send();
    script.fails("a strong read of it", INVALID, strong).await;
    let unheld = game_of(script, "notes_of_game").select(Select::AllAttributes);
    script
        .fails("what an index does not hold", INVALID, unheld.send())
        .await;
    let no_index = game_of(script, "none").send();
    script.fails("no such index", INVALID, no_index).await;
    for (what, condition) in [
        ("no equality", "#u > :u"),
        ("another attribute", "#u = :u AND score = :u"),
        ("no condition", "#u ="),
    ] {
        let wrong = all.clone().key_condition_expression(condition).send();
        script.fails(what, INVALID, wrong).await;
    }
    let on_key = all.filter_expression("turn > :u").send();
    script.fails("a filter on a key", INVALID, on_key).await;
}

/// Pages by limit, and pages of a megabyte.
pub async fn pages(script: &mut Script) {
    let mut start: Option<HashMap<String, AttributeValue>> = None;
    for page in 0..PAGES_MAX {
        let query = game_of(script, "by_game").limit(3);
        let query = query.set_exclusive_start_key(start).send();
        let answer = script
            .answer(&format!("page {page} of the index"), query)
            .await;
        start = answer.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert!(start.is_none(), "it ends");
    let elsewhere = query_of(script, "bob").exclusive_start_key("user", v("bob"));
    script
        .fails("a start that is no key", INVALID, elsewhere.send())
        .await;

    for turn in 0..4 {
        let large = json!({"user": "eve", "turn": turn, "x": "x".repeat(350_000)});
        let put = script.client.put_item().table_name(PLAYS);
        let put = put.set_item(Some(item(large)));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total);
        script.ok("put a large one", put.send()).await;
    }
    let first = query_of(script, "eve").projection_expression("turn").send();
    let first = script.answer("a page of a megabyte", first).await;
    assert!(first.last_evaluated_key().is_some(), "there is more");
    let second = query_of(script, "eve").projection_expression("turn");
    let second = second
        .set_exclusive_start_key(first.last_evaluated_key)
        .send();
    let second = script.answer("and what is left", second).await;
    assert_eq!(first.count + second.count, 4);
    for turn in 0..4 {
        let key = Some(item(json!({"user": "eve", "turn": turn})));
        let delete = script.client.delete_item().table_name(PLAYS).set_key(key);
        script.ok("delete a large one", delete.send()).await;
    }
}

pub async fn scans(script: &mut Script) {
    let scan = script.client.scan().table_name(PLAYS);
    let scan = scan.return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let strong = scan.clone().consistent_read(true);
    script.ok("scan", strong.send()).await;
    for segment in 0..3 {
        let part = scan.clone().segment(segment).total_segments(3);
        script.ok("scan a segment", part.send()).await;
    }
    let index = scan.clone().index_name("by_game").limit(5).send();
    script.ok("scan an index", index).await;
    let filtered = scan.clone().filter_expression("score > :s AND game = :g");
    let filtered = filtered
        .expression_attribute_values(":s", v(3))
        .expression_attribute_values(":g", v("go"));
    script.ok("scan for some", filtered.clone().send()).await;
    let counted = filtered.select(Select::Count).send();
    script.ok("scan for their count", counted).await;
    let mut start = None;
    for page in 0..PAGES_MAX {
        let scan = scan.clone().limit(5).projection_expression("turn");
        let scan = scan.set_exclusive_start_key(start).send();
        start = script
            .answer(&format!("page {page} of a scan"), scan)
            .await
            .last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert!(start.is_none(), "it ends");
    let no_segment = scan.clone().segment(3).total_segments(3).send();
    script.fails("no such segment", INVALID, no_segment).await;
    let unknown = scan.table_name("Missing").send();
    let code = "ResourceNotFoundException";
    script.fails("scan no table", code, unknown).await;
}
