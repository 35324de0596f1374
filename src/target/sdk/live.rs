//! AWS itself: who is asking there, and whose tables are whose.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    config::{Builder as ConfigBuilder, Region},
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::Tag,
};

use super::{
    ConnectError, Connections, SdkTarget,
    admin::{AdminError, innermost},
    behavior, credentials,
};
use crate::{
    report::iam::{OWNER_TAG, RUN_TAG},
    scenario::ClientSettings,
};

/// Who AWS says that we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Account number.
    pub account: String,
    /// The user or role, without the name of a session.
    pub owner: String,
}

/// What tables made on AWS are marked with, so that nothing else is ever deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    run: String,
    owner: String,
}

impl Marks {
    pub(super) fn tags(&self) -> Vec<Tag> {
        let tag = |key: &str, value: &str| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.expect("key and value are set")
        };
        vec![tag(RUN_TAG, &self.run), tag(OWNER_TAG, &self.owner)]
    }
}

/// The tags that tables of a run carry, in words.
#[must_use]
pub fn made_tags(run: &str, caller: &Caller) -> String {
    format!("{RUN_TAG}={run}, {OWNER_TAG}={}", caller.owner)
}

/// A table that a run made, by its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeTable {
    /// Its name.
    pub name: String,
    /// The run.
    pub run: String,
    /// Who ran it.
    pub owner: String,
}

impl SdkTarget {
    /// Prepares to fire at AWS in `region`, with the credentials of AWS's usual chain, and asks
    /// whose they are.
    ///
    /// # Errors
    /// When there are no credentials, or AWS does not accept them.
    pub async fn connect_live(
        region: &str,
        client: &ClientSettings,
    ) -> Result<(Self, Caller), ConnectError> {
        let connections = Connections {
            idle: client.max_in_flight as usize,
            tls: true,
        };
        let http = connections.http();
        let aws = aws_config::defaults(behavior())
            .http_client(http)
            .region(Region::new(region.to_owned()))
            .load()
            .await;
        credentials(&aws, &format!("AWS {region}")).await?;
        let identity = aws_sdk_sts::Client::new(&aws).get_caller_identity();
        let identity = identity.send().await.map_err(|error| {
            tracing::debug!(error = %DisplayErrorContext(&error), "GetCallerIdentity");
            let said = error.code().map(str::to_owned);
            ConnectError::NoIdentity {
                cause: said.unwrap_or_else(|| innermost(&error)),
            }
        })?;
        let (Some(account), Some(arn)) = (identity.account, identity.arn) else {
            let cause = "the answer names no account".to_owned();
            return Err(ConnectError::NoIdentity { cause });
        };
        let credentials = aws
            .credentials_provider()
            .ok_or_else(|| ConnectError::NoIdentity {
                cause: "there are no credentials".to_owned(),
            })?;
        let region = Region::new(region.to_owned());
        let target = Self::with(
            &ConfigBuilder::from(&aws),
            connections,
            credentials,
            region,
            client,
        );
        let owner = without_session(&arn).to_owned();
        Ok((target, Caller { account, owner }))
    }

    /// Marks the tables that are made from here on with who made them.
    pub fn mark_tables(&mut self, run: &str, caller: &Caller) {
        self.marks = Some(Marks {
            run: run.to_owned(),
            owner: caller.owner.clone(),
        });
    }

    /// The tags of a table by key; `None` when there is no such table.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn tags_of(
        &self,
        table: &str,
    ) -> Result<Option<BTreeMap<String, String>>, AdminError> {
        let described = self.admin.describe_table().table_name(table).send().await;
        let arn = match described {
            Ok(described) => described.table.and_then(|table| table.table_arn),
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(AdminError::refused("describe table", table, &error)),
        };
        let mut tags = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self.admin.list_tags_of_resource();
            let page = page
                .set_resource_arn(arn.clone())
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| AdminError::refused("list the tags of table", table, &error))?;
            let of_page = page.tags.unwrap_or_default().into_iter();
            tags.extend(of_page.map(|tag| (tag.key, tag.value)));
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    /// Every table in the Region that carries the tag of a run, whoever made it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn made_tables(&self) -> Result<Vec<MadeTable>, AdminError> {
        let mut pages = self.admin.list_tables().into_paginator().send();
        let mut made = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AdminError::refused("list", "tables", &error))?;
            for name in page.table_names.unwrap_or_default() {
                let mut tags = self.tags_of(&name).await?.unwrap_or_default();
                if let Some(run) = tags.remove(RUN_TAG) {
                    let owner = tags.remove(OWNER_TAG).unwrap_or_default();
                    made.push(MadeTable { name, run, owner });
                }
            }
        }
        Ok(made)
    }

    /// Deletes a table while it carries the tag of the run that made it.
    ///
    /// # Errors
    /// [`AdminError::NotOurs`] when it does not any more; when the server refuses. A table that
    /// is gone already is no error.
    pub async fn delete_made(&self, table: &MadeTable) -> Result<(), AdminError> {
        let marks = Marks {
            run: table.run.clone(),
            owner: table.owner.clone(),
        };
        self.delete_if_marked(&table.name, &marks).await
    }

    pub(super) async fn delete_if_marked(
        &self,
        table: &str,
        marks: &Marks,
    ) -> Result<(), AdminError> {
        match self.tags_of(table).await? {
            None => Ok(()),
            Some(tags) if tags.get(RUN_TAG) == Some(&marks.run) => self.delete_by_name(table).await,
            Some(_) => Err(AdminError::NotOurs {
                table: table.to_owned(),
            }),
        }
    }
}

/// `arn:aws:sts::1:assumed-role/Role/session` without what changes from session to session.
fn without_session(arn: &str) -> &str {
    if arn.contains(":assumed-role/") {
        arn.rsplit_once('/').map_or(arn, |(role, _)| role)
    } else {
        arn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_table_is_a_user_or_a_role_and_no_session() {
        let check = |arn: &str, expected: &str| assert_eq!(without_session(arn), expected);
        let role = "arn:aws:sts::123456789012:assumed-role/Tester";
        check(&format!("{role}/laptop-17"), role);
        let user = "arn:aws:iam::123456789012:user/division/anna";
        check(user, user);
    }
}
