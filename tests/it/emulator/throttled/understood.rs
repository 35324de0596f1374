//! The same answers as the AWS SDK for Rust understands them: typed exceptions and reasons.

use aws_sdk_dynamodb::{
    Client,
    operation::{
        get_item::GetItemError, put_item::PutItemError, query::QueryError,
        transact_write_items::TransactWriteItemsError,
    },
    types::{Put, ThrottlingReason, TransactWriteItem},
};
use dynamometer::units::Direction;

use super::{CASES, Case, Cause, INDEX, Target};
use crate::wire;

/// Exception, message and reasons.
type Told = (&'static str, Option<String>, Vec<ThrottlingReason>);

macro_rules! told {
    ($error:expr, $kind:ident) => {
        match $error.into_service_error() {
            $kind::ProvisionedThroughputExceededException(error) => (
                "ProvisionedThroughputExceededException",
                error.message().map(str::to_owned),
                error.throttling_reasons().to_vec(),
            ),
            $kind::ThrottlingException(error) => (
                "ThrottlingException",
                error.message().map(str::to_owned),
                error.throttling_reasons().to_vec(),
            ),
            $kind::RequestLimitExceeded(error) => (
                "RequestLimitExceeded",
                error.message().map(str::to_owned),
                error.throttling_reasons().to_vec(),
            ),
            other => panic!("another error: {other:?}"),
        }
    };
}

impl Case {
    /// What the SDK says of a request that is refused once more.
    async fn told(self, client: &Client, number: usize) -> Told {
        let hot = || wire::s("hot");
        match (self.direction, self.target) {
            (Direction::Read, Target::Table) => {
                let get = client.get_item().table_name("Scarce").key("id", hot());
                let refused = get.consistent_read(true).send().await;
                told!(refused.expect_err("nothing is left"), GetItemError)
            }
            (Direction::Read, Target::Index) => {
                let query = client
                    .query()
                    .table_name("Scarce")
                    .index_name(INDEX)
                    .key_condition_expression("#group = :group")
                    .expression_attribute_names("#group", "group")
                    .expression_attribute_values(":group", hot());
                let refused = query.send().await.expect_err("nothing is left");
                told!(refused, QueryError)
            }
            (Direction::Write, target) => {
                let put = client.put_item().table_name("Scarce");
                let put = match target {
                    Target::Table => put.item("id", hot()),
                    Target::Index => put
                        .item("id", wire::s(number.to_string()))
                        .item("group", hot()),
                };
                let refused = put.send().await.expect_err("nothing is left");
                told!(refused, PutItemError)
            }
        }
    }
}

#[tokio::test]
async fn the_sdk_reads_exception_message_and_reasons_of_all_sixteen() {
    for case in CASES {
        let world = case.world().await;
        let (number, _) = case.exhaust(&world).await;
        let client = wire::client(&world.emulator.endpoint());
        let (exception, message, reasons) = case.told(&client, number).await;
        let [name, ..] = case.words();
        assert!(
            name.ends_with(&format!("#{exception}")),
            "{case:?}: {exception}"
        );
        assert_eq!(message.as_deref(), Some(case.message()), "{case:?}");
        let [reason] = reasons.try_into().expect("one reason");
        assert_eq!(reason.reason(), Some(case.reason().as_str()), "{case:?}");
        assert_eq!(
            reason.resource(),
            Some(case.resource().as_str()),
            "{case:?}"
        );
    }
}

#[tokio::test]
async fn the_sdk_reads_why_each_member_stands_in_the_way_of_a_transaction() {
    let case = Case {
        target: Target::Index,
        direction: Direction::Write,
        cause: Cause::Maximum,
    };
    let world = case.world().await;
    let (number, _) = case.exhaust(&world).await;
    let put = |table: &str| {
        let put = Put::builder()
            .table_name(table)
            .item("id", wire::s(number.to_string()))
            .item("group", wire::s("hot"));
        let put = put.build().expect("complete");
        TransactWriteItem::builder().put(put).build()
    };
    let client = wire::client(&world.emulator.endpoint());
    let refused = client
        .transact_write_items()
        .transact_items(put("Scarce"))
        .transact_items(put("Ample"))
        .send()
        .await
        .expect_err("the index serves no more");
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        refused.into_service_error()
    else {
        panic!("another error");
    };
    let told: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| (reason.code(), reason.message()))
        .collect();
    let throttled = (Some("ThrottlingError"), Some(case.message()));
    assert_eq!(told, [throttled, (Some("None"), None)]);
}
