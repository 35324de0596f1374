//! Several items at once: batches, transactions and statements.

use aws_sdk_dynamodb::types::{
    BatchStatementRequest, ConditionCheck, Delete, DeleteRequest, Get, KeysAndAttributes,
    ParameterizedStatement, Put, PutRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactGetItem, TransactWriteItem, Update, WriteRequest,
};
use serde_json::json;

use super::{
    script::{Script, item, v},
    tables::{OTHER, PLAIN, PLAYS},
};

const INVALID: &str = "ValidationException";
const CANCELLED: &str = "TransactionCanceledException";
const CAPACITIES: [ReturnConsumedCapacity; 3] = [
    ReturnConsumedCapacity::None,
    ReturnConsumedCapacity::Total,
    ReturnConsumedCapacity::Indexes,
];

fn put(id: &str) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item(json!({"id": id, "n": 1}))));
    let put = put.build().expect("complete");
    WriteRequest::builder().put_request(put).build()
}

fn delete(id: &str) -> WriteRequest {
    let delete = DeleteRequest::builder().key("id", v(id)).build();
    let delete = delete.expect("complete");
    WriteRequest::builder().delete_request(delete).build()
}

fn keys(ids: &[&str]) -> KeysAndAttributes {
    let keys = ids.iter().map(|id| item(json!({"id": id})));
    let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect()));
    keys.build().expect("complete")
}

pub async fn batches(script: &mut Script) {
    let client = script.client.clone();
    for capacity in CAPACITIES {
        let play = PutRequest::builder()
            .set_item(Some(item(
                json!({"user": "cat", "turn": 1, "game": "go", "score": 1}),
            )))
            .build()
            .expect("complete");
        let write = client
            .batch_write_item()
            .request_items(PLAIN, vec![put("a"), put("b"), delete("none")])
            .request_items(OTHER, vec![put("a")])
            .request_items(
                PLAYS,
                vec![WriteRequest::builder().put_request(play).build()],
            )
            .return_consumed_capacity(capacity.clone());
        script.ok("write a batch", write.send()).await;
        let read = client
            .batch_get_item()
            .request_items(PLAIN, keys(&["a", "b", "none"]))
            .request_items(OTHER, keys(&["a"]))
            .return_consumed_capacity(capacity);
        script.ok("read a batch", read.send()).await;
    }
    let mut part = keys(&["a"]);
    part.consistent_read = Some(true);
    part.projection_expression = Some("#n".to_owned());
    part.expression_attribute_names = Some([("#n".to_owned(), "n".to_owned())].into());
    let part = client.batch_get_item().request_items(PLAIN, part);
    let part = part.return_consumed_capacity(ReturnConsumedCapacity::Total);
    script.ok("read a part of a batch", part.send()).await;

    let write = client.batch_write_item();
    let twice = write
        .clone()
        .request_items(PLAIN, vec![put("a"), delete("a")]);
    script.fails("one item twice", INVALID, twice.send()).await;
    let many = (0..26).map(|number| put(&number.to_string())).collect();
    let many = write.clone().request_items(PLAIN, many);
    script.fails("more than 25", INVALID, many.send()).await;
    let missing = write.request_items("Missing", vec![put("a")]);
    let code = "ResourceNotFoundException";
    script
        .fails("a batch for no table", code, missing.send())
        .await;
    let read = client
        .batch_get_item()
        .request_items(PLAIN, keys(&["a", "a"]));
    script.fails("one key twice", INVALID, read.send()).await;
}

fn update(id: &str, expression: &str) -> Update {
    Update::builder()
        .table_name(PLAIN)
        .key("id", v(id))
        .update_expression(expression)
        .expression_attribute_values(":v", v(1))
        .build()
        .expect("complete")
}

fn check(id: &str, condition: &str) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(PLAIN)
        .key("id", v(id))
        .condition_expression(condition)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let check = check.build().expect("complete");
    TransactWriteItem::builder().condition_check(check).build()
}

fn put_in(table: &str, id: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(table);
    let put = put.set_item(Some(item(json!({"id": id, "n": 1}))));
    TransactWriteItem::builder()
        .put(put.build().expect("complete"))
        .build()
}

pub async fn transactions(script: &mut Script) {
    let client = script.client.clone();
    let update_a = TransactWriteItem::builder().update(update("a", "SET n = n + :v"));
    let deleted = Delete::builder()
        .table_name(OTHER)
        .key("id", v("a"))
        .build();
    let deleted = TransactWriteItem::builder().delete(deleted.expect("complete"));
    for capacity in CAPACITIES {
        let write = client
            .transact_write_items()
            .transact_items(put_in(PLAIN, "t"))
            .transact_items(update_a.clone().build())
            .transact_items(deleted.clone().build())
            .transact_items(check("b", "attribute_exists(id)"))
            .client_request_token(script.token(capacity.as_str()))
            .return_consumed_capacity(capacity.clone());
        script.ok("write a transaction", write.clone().send()).await;
        script.ok("the same again", write.send()).await;
        let get = |table: &str, id: &str| {
            let get = Get::builder().table_name(table).key("id", v(id)).build();
            TransactGetItem::builder()
                .get(get.expect("complete"))
                .build()
        };
        let read = client
            .transact_get_items()
            .transact_items(get(PLAIN, "t"))
            .transact_items(get(OTHER, "a"))
            .transact_items(get(PLAIN, "none"))
            .return_consumed_capacity(capacity);
        script.ok("read a transaction", read.send()).await;
    }
    let write = client.transact_write_items();
    let retold = write.clone().transact_items(put_in(PLAIN, "other"));
    let retold = retold.client_request_token(script.token("TOTAL")).send();
    let code = "IdempotentParameterMismatchException";
    script
        .fails("a token for something else", code, retold)
        .await;
    let refused = write
        .clone()
        .transact_items(put_in(PLAIN, "never"))
        .transact_items(check("a", "attribute_not_exists(id)"));
    script
        .fails("a condition that is not met", CANCELLED, refused.send())
        .await;
    let get = client
        .get_item()
        .table_name(PLAIN)
        .key("id", v("never"))
        .send();
    script.ok("nothing was written", get).await;
    let twice = write.clone().transact_items(put_in(PLAIN, "a"));
    let twice = twice.transact_items(check("a", "attribute_exists(id)"));
    script
        .fails("one item twice in it", INVALID, twice.send())
        .await;
    let no_path = TransactWriteItem::builder().update(update("a", "SET nowhere.deep = :v"));
    let no_path = write.transact_items(no_path.build());
    script.either("no such path in it", no_path.send()).await;
}

pub async fn statements(script: &mut Script) {
    let client = script.client.clone();
    for (what, text) in [
        ("insert", "INSERT INTO \"Plain\" VALUE {'id': 'p', 'n': 1}"),
        ("select", "SELECT * FROM \"Plain\" WHERE id = 'p'"),
        ("update", "UPDATE \"Plain\" SET n = 2 WHERE id = 'p'"),
        ("select again", "SELECT id, n FROM \"Plain\" WHERE id = 'p'"),
        (
            "select by a range",
            "SELECT * FROM \"Plays\" WHERE \"user\" = 'bob' AND \"turn\" < 3",
        ),
        ("delete", "DELETE FROM \"Plain\" WHERE id = 'p'"),
    ] {
        let statement = client.execute_statement().statement(text);
        script.ok(what, statement.send()).await;
    }
    let with = client
        .execute_statement()
        .statement("INSERT INTO \"Plain\" VALUE {'id': ?, 'n': ?}")
        .parameters(v("q"))
        .parameters(v(7));
    script
        .ok("insert with parameters", with.clone().send())
        .await;
    script.either("insert what is there", with.send()).await;
    let wrong = client.execute_statement().statement("SELEC nothing");
    script.fails("no statement", INVALID, wrong.send()).await;
    let one = |text: &str| {
        let one = BatchStatementRequest::builder().statement(text);
        one.build().expect("complete")
    };
    let batch = client
        .batch_execute_statement()
        .statements(one("SELECT * FROM \"Plain\" WHERE id = 'q'"))
        .statements(one("SELECT * FROM \"Plain\" WHERE id = 'none'"));
    script.ok("a batch of statements", batch.send()).await;
    let one = |text: &str| {
        let one = ParameterizedStatement::builder().statement(text);
        one.build().expect("complete")
    };
    let all = client
        .execute_transaction()
        .transact_statements(one("UPDATE \"Plain\" SET n = 8 WHERE id = 'q'"))
        .transact_statements(one("INSERT INTO \"Plain\" VALUE {'id': 'r'}"));
    script
        .ok("a transaction of statements", all.clone().send())
        .await;
    script.fails("the same again", CANCELLED, all.send()).await;
}
