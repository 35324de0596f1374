//! The least that AWS has to allow for a scenario to be run on it, as an IAM policy.
//!
//! Owns which requests need which permission; must not know who asks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::scenario::{Action, OperationKind, OperationSpec, PhaseKind, Scenario};

/// Key of the tag that says which run made a table.
pub const RUN_TAG: &str = "dynamometer:run";
/// Key of the tag that says who ran it.
pub const OWNER_TAG: &str = "dynamometer:owner";

/// Where the tables are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// AWS Region, or `*`.
    pub region: String,
    /// Account number, or `*`.
    pub account: String,
}

impl Place {
    fn table(&self, name: &str) -> String {
        format!(
            "arn:aws:dynamodb:{}:{}:table/{name}",
            self.region, self.account
        )
    }
}

/// What `dyno run --live` needs for `scenario`: nothing for tables that it does not name.
/// `sts:GetCallerIdentity` needs no permission.
#[must_use]
pub fn for_run(scenario: &Scenario, place: &Place) -> Value {
    let loads = scenario.phases.iter().any(|it| it.kind == PhaseKind::Load);
    let mut statements = Vec::new();
    for (index, table) in scenario.tables.iter().enumerate() {
        let arn = place.table(&table.name);
        let mut plain = BTreeSet::from(["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"]);
        let specs = scenario.operations.iter();
        for spec in specs.filter(|spec| spec.table == index) {
            plain.extend(actions(spec));
        }
        if !table.existing {
            statements.push(statement(
                "Make",
                index,
                &["dynamodb:CreateTable", "dynamodb:TagResource"],
                &[&arn],
                Some(("ForAnyValue:StringEquals", json!({"aws:TagKeys": RUN_TAG}))),
            ));
            statements.push(statement(
                "Remove",
                index,
                &["dynamodb:DeleteTable"],
                &[&arn],
                Some(own_tables()),
            ));
            if loads {
                plain.insert("dynamodb:BatchWriteItem");
            }
        }
        let actions: Vec<_> = plain.into_iter().collect();
        let indexes = format!("{arn}/index/*");
        let mut resources = vec![arn.as_str()];
        if !table.indexes.is_empty() {
            resources.push(&indexes);
        }
        statements.push(statement("Use", index, &actions, &resources, None));
    }
    policy(&statements)
}

/// What `dyno clean --live` needs, whatever the tables were called.
#[must_use]
pub fn for_clean(place: &Place) -> Value {
    let all = place.table("*");
    let look = ["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"];
    policy(&[
        statement("List", 0, &["dynamodb:ListTables"], &["*"], None),
        statement("Look", 0, &look, &[&all], None),
        statement(
            "Remove",
            0,
            &["dynamodb:DeleteTable"],
            &[&all],
            Some(own_tables()),
        ),
    ])
}

/// Only tables that carry the tag of a run.
fn own_tables() -> (&'static str, Value) {
    let key = format!("aws:ResourceTag/{RUN_TAG}");
    ("StringLike", json!({ key: "*" }))
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn statement(
    name: &str,
    number: usize,
    actions: &[&str],
    resources: &[&str],
    condition: Option<(&str, Value)>,
) -> Value {
    let mut statement = json!({
        "Sid": format!("{name}{number}"),
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources,
    });
    if let Some((operator, operand)) = condition {
        statement["Condition"] = json!({ operator: operand });
    }
    statement
}

/// Permissions are those of the members: a transaction has none of its own.
fn actions(spec: &OperationSpec) -> Vec<&'static str> {
    match spec.kind {
        OperationKind::Get | OperationKind::TransactGet => vec!["dynamodb:GetItem"],
        OperationKind::Put => vec!["dynamodb:PutItem"],
        OperationKind::Update => vec!["dynamodb:UpdateItem"],
        OperationKind::Delete => vec!["dynamodb:DeleteItem"],
        OperationKind::Query => vec!["dynamodb:Query"],
        OperationKind::Scan => vec!["dynamodb:Scan"],
        OperationKind::BatchGet => vec!["dynamodb:BatchGetItem"],
        OperationKind::BatchWrite => vec!["dynamodb:BatchWriteItem"],
        OperationKind::TransactWrite => {
            let members = spec.members.actions.iter();
            let used = members.filter(|(_, weight)| weight.as_fraction() > 0.0);
            used.map(|(action, _)| member(*action)).collect()
        }
        OperationKind::ReadModifyWrite => vec!["dynamodb:GetItem", "dynamodb:UpdateItem"],
        OperationKind::StatementSelect => vec!["dynamodb:PartiQLSelect"],
        OperationKind::StatementInsert => vec!["dynamodb:PartiQLInsert"],
        OperationKind::StatementUpdate => vec!["dynamodb:PartiQLUpdate"],
        OperationKind::StatementDelete => vec!["dynamodb:PartiQLDelete"],
    }
}

const fn member(action: Action) -> &'static str {
    match action {
        Action::Put => "dynamodb:PutItem",
        Action::Update => "dynamodb:UpdateItem",
        Action::Delete => "dynamodb:DeleteItem",
        Action::Check => "dynamodb:ConditionCheckItem",
    }
}
