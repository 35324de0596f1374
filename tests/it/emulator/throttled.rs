//! All sixteen reasons of a throttle over the wire: alone, in a batch and in a transaction, in
//! every byte of the answer and as AWS's own client understands it.

mod understood;

use dynamometer::{scenario::ModelParameters, units::Direction};
use serde_json::{Value, json};

use super::{raw::Answer, world::World};

/// More than any of these tables serves in its first second.
const ATTEMPTS_MAX: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Table,
    Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Provisioned,
    /// One partition of a provisioned table.
    HotKey,
    /// One partition of an on-demand table.
    HotKeyOnDemand,
    Maximum,
    Quota,
}

/// One way to run out of one capacity.
#[derive(Clone, Copy, Debug)]
struct Case {
    target: Target,
    direction: Direction,
    cause: Cause,
}

/// The table that runs out, and one like it that nobody else asks.
const TABLES: [&str; 2] = ["Scarce", "Ample"];
const INDEX: &str = "by_group";

const CASES: [Case; 20] = {
    use Cause::{HotKey, HotKeyOnDemand, Maximum, Provisioned, Quota};
    const fn case(target: Target, direction: Direction, cause: Cause) -> Case {
        Case {
            target,
            direction,
            cause,
        }
    }
    use Direction::{Read, Write};
    use Target::{Index, Table};
    [
        case(Table, Read, Provisioned),
        case(Table, Write, Provisioned),
        case(Index, Read, Provisioned),
        case(Index, Write, Provisioned),
        case(Table, Read, HotKey),
        case(Table, Write, HotKey),
        case(Index, Read, HotKey),
        case(Index, Write, HotKey),
        case(Table, Read, HotKeyOnDemand),
        case(Table, Write, HotKeyOnDemand),
        case(Index, Read, HotKeyOnDemand),
        case(Index, Write, HotKeyOnDemand),
        case(Table, Read, Maximum),
        case(Table, Write, Maximum),
        case(Index, Read, Maximum),
        case(Index, Write, Maximum),
        case(Table, Read, Quota),
        case(Table, Write, Quota),
        case(Index, Read, Quota),
        case(Index, Write, Quota),
    ]
};

impl Case {
    fn reason(self) -> String {
        let cause = match self.cause {
            Cause::Provisioned => "ProvisionedThroughputExceeded",
            Cause::HotKey | Cause::HotKeyOnDemand => "KeyRangeThroughputExceeded",
            Cause::Maximum => "MaxOnDemandThroughputExceeded",
            Cause::Quota => "AccountLimitExceeded",
        };
        format!("{:?}{:?}{cause}", self.target, self.direction)
    }

    fn resource(self) -> String {
        let table = "arn:aws:dynamodb:dynoxide:000000000000:table/Scarce";
        match self.target {
            Target::Table => table.to_owned(),
            Target::Index => format!("{table}/index/{INDEX}"),
        }
    }

    /// The exception, the field of its reasons, and the code that cancels a transaction.
    fn words(self) -> [&'static str; 3] {
        match self.cause {
            Cause::Provisioned | Cause::HotKey => [
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "ThrottlingReasons",
                "ProvisionedThroughputExceeded",
            ],
            Cause::HotKeyOnDemand | Cause::Maximum => [
                "com.amazon.coral.availability#ThrottlingException",
                "throttlingReasons",
                "ThrottlingError",
            ],
            Cause::Quota => [
                "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
                "ThrottlingReasons",
                "ThrottlingError",
            ],
        }
    }

    fn message(self) -> &'static str {
        match (self.cause, self.target) {
            (Cause::Provisioned | Cause::HotKey, Target::Table) => {
                "The level of configured provisioned throughput for the table was exceeded. \
                 Consider increasing your provisioning level with the UpdateTable API."
            }
            (Cause::Provisioned | Cause::HotKey, Target::Index) => {
                "The level of configured provisioned throughput for one or more global secondary \
                 indexes of the table was exceeded. Consider increasing your provisioning level \
                 for the under-provisioned global secondary indexes with the UpdateTable API"
            }
            (Cause::HotKeyOnDemand, Target::Table) => {
                "Throughput exceeds the current capacity of your table or index. DynamoDB is \
                 automatically scaling your table or index so please try again shortly. If \
                 exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/\
                 amazondynamodb/latest/developerguide/bp-partition-key-design.html"
            }
            (Cause::HotKeyOnDemand, Target::Index) => {
                "Throughput exceeds the current capacity for one or more global secondary \
                 indexes. DynamoDB is automatically scaling your index so please try again \
                 shortly."
            }
            (Cause::Maximum, _) => {
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
            }
            (Cause::Quota, _) => {
                "Throughput exceeds the current throughput quota for your account. Please \
                 contact AWS Support to request a quota increase."
            }
        }
    }

    fn parameters(self) -> ModelParameters {
        let mut parameters = ModelParameters {
            od_initial_read: 100,
            od_initial_write: 100,
            ..ModelParameters::default()
        };
        match self.cause {
            Cause::Provisioned | Cause::Maximum => {}
            Cause::HotKey | Cause::HotKeyOnDemand => {
                parameters.partition_read_cap = 2;
                parameters.partition_write_cap = 2;
            }
            Cause::Quota => {
                parameters.table_read_quota = 3;
                parameters.table_write_quota = 3;
            }
        }
        parameters
    }

    /// How the table, or its index, is billed: scarce where it is to run out.
    fn billing(self, target: Target) -> Value {
        let units = if target == self.target { 3 } else { 100 };
        match self.cause {
            Cause::Provisioned => {
                json!({"ReadCapacityUnits": units, "WriteCapacityUnits": units})
            }
            Cause::HotKey => json!({"ReadCapacityUnits": 100, "WriteCapacityUnits": 100}),
            Cause::Maximum => json!({"MaxReadRequestUnits": units, "MaxWriteRequestUnits": units}),
            Cause::HotKeyOnDemand | Cause::Quota => Value::Null,
        }
    }

    fn is_provisioned(self) -> bool {
        matches!(self.cause, Cause::Provisioned | Cause::HotKey)
    }

    /// A new emulator with both tables.
    async fn world(self) -> World {
        let world = World::empty(self.parameters()).await;
        for name in TABLES {
            let key = |name: &str| json!([{"AttributeName": name, "KeyType": "HASH"}]);
            let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
            let mut index = json!({"IndexName": INDEX, "KeySchema": key("group"),
                "Projection": {"ProjectionType": "ALL"}});
            let mut table = json!({"TableName": name, "KeySchema": key("id"),
                "AttributeDefinitions": [attribute("id"), attribute("group")]});
            let field = if self.is_provisioned() {
                "ProvisionedThroughput"
            } else {
                table["BillingMode"] = json!("PAY_PER_REQUEST");
                "OnDemandThroughput"
            };
            for (resource, target) in [(&mut table, Target::Table), (&mut index, Target::Index)] {
                if !self.billing(target).is_null() {
                    resource[field] = self.billing(target);
                }
            }
            table["GlobalSecondaryIndexes"] = json!([index]);
            let created = world.call("CreateTable", table).await;
            assert_eq!(created.status, 200, "{self:?}: {}", created.json());
        }
        // A write that moves an entry takes two of the index and one of the table: the quota,
        // which is the same for both, is exhausted in the index first.
        if self.cause == Cause::Quota && self.target == Target::Index {
            for (id, group) in [("0", "first"), ("0", "hot")] {
                let put = json!({"TableName": "Scarce",
                    "Item": {"id": {"S": id}, "group": {"S": group}}});
                assert_eq!(world.call("PutItem", put).await.status, 200);
            }
        }
        world
    }

    /// The item of attempt `number`: always the same place in what is to run out, and in
    /// nothing else.
    fn item(self, number: usize) -> Value {
        match self.target {
            Target::Table => json!({"id": {"S": "hot"}}),
            Target::Index => json!({"id": {"S": number.to_string()}, "group": {"S": "hot"}}),
        }
    }

    /// Attempt `number` on `table`: the operation, and its request.
    fn request(self, table: &str, number: usize) -> (&'static str, Value) {
        let item = self.item(number);
        match (self.direction, self.target) {
            (Direction::Write, _) => ("PutItem", json!({"TableName": table, "Item": item})),
            (Direction::Read, Target::Table) => (
                "GetItem",
                json!({"TableName": table, "Key": item, "ConsistentRead": true}),
            ),
            (Direction::Read, Target::Index) => (
                "Query",
                json!({"TableName": table, "IndexName": INDEX,
                    "KeyConditionExpression": "#group = :group",
                    "ExpressionAttributeNames": {"#group": "group"},
                    "ExpressionAttributeValues": {":group": {"S": "hot"}}}),
            ),
        }
    }

    /// Asks until it is refused; what was refused, and the answer.
    async fn exhaust(self, world: &World) -> (usize, Answer) {
        for number in 1..ATTEMPTS_MAX {
            let (operation, request) = self.request("Scarce", number);
            let answer = world.call(operation, request).await;
            if answer.status != 200 {
                return (number, answer);
            }
        }
        panic!("{self:?}: nothing was refused");
    }

    fn refusal(self) -> Value {
        let [exception, field, _] = self.words();
        json!({"__type": exception, "message": self.message(),
            field: [{"reason": self.reason(), "resource": self.resource()}]})
    }
}

/// Those that a batch or a transaction can ask: no batch reads an index.
fn in_members() -> impl Iterator<Item = Case> {
    let is_query = |case: &Case| case.target == Target::Index && case.direction == Direction::Read;
    CASES.into_iter().filter(move |case| !is_query(case))
}

#[tokio::test]
async fn each_of_the_sixteen_reasons_is_answered_as_dynamodb_answers_it() {
    let mut reasons = std::collections::BTreeSet::new();
    for case in CASES {
        let world = case.world().await;
        let (_, refused) = case.exhaust(&world).await;
        assert_eq!(refused.status, 400, "{case:?}");
        assert_eq!(refused.json(), case.refusal(), "{case:?}");
        assert_eq!(
            world.ledger().await.throttle_reasons,
            [(case.reason(), 1)].into(),
            "{case:?}"
        );
        reasons.insert(case.reason());
    }
    assert_eq!(reasons.len(), 16, "{reasons:?}");
}

#[tokio::test]
async fn a_batch_hands_back_what_is_throttled_and_fails_only_when_all_of_it_is() {
    for case in in_members() {
        let world = case.world().await;
        let (number, _) = case.exhaust(&world).await;
        let item = case.item(number);
        let (operation, members, field) = match case.direction {
            Direction::Read => (
                "BatchGetItem",
                json!({"Keys": [item], "ConsistentRead": true}),
                "UnprocessedKeys",
            ),
            Direction::Write => (
                "BatchWriteItem",
                json!([{"PutRequest": {"Item": item}}]),
                "UnprocessedItems",
            ),
        };
        let both = json!({"RequestItems": {"Scarce": members, "Ample": members}});
        let answer = world.call(operation, both).await;
        assert_eq!(answer.status, 200, "{case:?}: {}", answer.json());
        assert_eq!(answer.json()[field], json!({"Scarce": members}), "{case:?}");
        let alone = json!({"RequestItems": {"Scarce": members}});
        let refused = world.call(operation, alone).await;
        assert_eq!(refused.status, 400, "{case:?}");
        assert_eq!(refused.json(), case.refusal(), "{case:?}");
    }
}

#[tokio::test]
async fn a_transaction_is_cancelled_with_a_reason_for_each_of_its_members() {
    for case in in_members() {
        let world = case.world().await;
        let (number, _) = case.exhaust(&world).await;
        let action = |table: &str| {
            let (_, mut request) = case.request(table, number);
            match case.direction {
                Direction::Read => {
                    request
                        .as_object_mut()
                        .expect("an object")
                        .remove("ConsistentRead");
                    json!({"Get": request})
                }
                Direction::Write => json!({"Put": request}),
            }
        };
        let operation = match case.direction {
            Direction::Read => "TransactGetItems",
            Direction::Write => "TransactWriteItems",
        };
        let both = json!({"TransactItems": [action("Ample"), action("Scarce")]});
        let before = world.ledger().await.consumed;
        let refused = world.call(operation, both).await;
        let [_, _, code] = case.words();
        assert_eq!(refused.status, 400, "{case:?}");
        assert_eq!(
            refused.json(),
            json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": format!("Transaction cancelled, please refer cancellation reasons for \
                    specific reasons [None, {code}]"),
                "CancellationReasons":
                    [{"Code": "None"}, {"Code": code, "Message": case.message()}],
            }),
            "{case:?}"
        );
        assert_eq!(world.ledger().await.consumed, before, "{case:?}");
    }
}

#[tokio::test]
async fn growth_beyond_what_an_on_demand_table_serves_shows_as_a_hot_key() {
    // No reason has a name of its own for it.
    let case = Case {
        target: Target::Table,
        direction: Direction::Write,
        cause: Cause::HotKeyOnDemand,
    };
    let parameters = ModelParameters {
        od_initial_write: 3,
        ..ModelParameters::default()
    };
    let world = World::empty(parameters).await;
    let table = json!({"TableName": "Scarce", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]});
    assert_eq!(world.call("CreateTable", table).await.status, 200);
    let (number, refused) = case.exhaust(&world).await;
    assert_eq!(number, 4, "three were served");
    assert_eq!(refused.json(), case.refusal());
}

#[tokio::test]
async fn a_quota_of_a_table_and_its_indexes_together_names_all_that_asked() {
    let parameters = ModelParameters {
        quota_scope: dynamometer::scenario::QuotaScope::TablePlusGsis,
        ..Case {
            target: Target::Table,
            direction: Direction::Write,
            cause: Cause::Quota,
        }
        .parameters()
    };
    let world = World::empty(parameters).await;
    let key = |name: &str| json!([{"AttributeName": name, "KeyType": "HASH"}]);
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let table = json!({"TableName": "Scarce", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("id"), attribute("group")], "KeySchema": key("id"),
        "GlobalSecondaryIndexes": [{"IndexName": INDEX, "KeySchema": key("group"),
            "Projection": {"ProjectionType": "ALL"}}]});
    assert_eq!(world.call("CreateTable", table).await.status, 200);
    let case = |target| Case {
        target,
        direction: Direction::Write,
        cause: Cause::Quota,
    };
    let (number, refused) = case(Target::Index).exhaust(&world).await;
    assert_eq!(number, 3, "two of two units each were served");
    let reason =
        |target| json!({"reason": case(target).reason(), "resource": case(target).resource()});
    assert_eq!(
        refused.json()["ThrottlingReasons"],
        json!([reason(Target::Table), reason(Target::Index)])
    );
}
