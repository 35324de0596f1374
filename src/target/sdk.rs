//! The AWS SDK for Rust as a target: its own retries off, every attempt with a deadline, every
//! answer checked.
//!
//! Must not decide what a run does; it only carries requests.

pub mod admin;
mod answer;
mod endpoint;
mod integrity;
mod values;

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Config, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use super::{Answer, Target};
use crate::{
    scenario::{ClientSettings, Consistency},
    units::{ByDirection, CapacityUnits},
    workload::{Request, item::AttributeValue},
};
use endpoint::Endpoint;
use integrity::IntegrityCheck;

// Pinned: a newer SDK may change its defaults only when we say so.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Time for a request of the control plane or of loading, which are not measured.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no connection to an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not the URL of a server.
    #[error("endpoint is not a URL like http://localhost:8000: {problem}")]
    BadUrl {
        /// What is wrong with it. Never quotes it: a URL may hold credentials.
        problem: &'static str,
    },
    /// Real AWS, which costs money.
    #[error(
        "endpoint {host} is AWS itself: firing at live AWS is not supported yet; \
         use the embedded emulator, DynamoDB Local or another compatible server"
    )]
    LiveAws {
        /// Its host.
        host: String,
    },
    /// No credentials for an endpoint that is not on this machine.
    #[error(
        "no AWS credentials for endpoint {host}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
         or AWS_PROFILE (only endpoints on this machine need none)"
    )]
    NoCredentials {
        /// Its host.
        host: String,
    },
}

/// Fires with aws-sdk-dynamodb.
#[derive(Clone, Debug)]
pub struct SdkTarget {
    client: Client,
    admin: Client,
}

impl SdkTarget {
    /// Prepares to fire at `endpoint`, an `http` or `https` URL. Sends nothing yet.
    ///
    /// An endpoint on this machine gets fixed dummy credentials, so that real ones never
    /// travel to an emulator; any other gets those of AWS's usual chain.
    ///
    /// # Errors
    /// When the URL is unusable or AWS's own, or credentials are needed and there are none.
    pub async fn connect(endpoint: &str, client: &ClientSettings) -> Result<Self, ConnectError> {
        let endpoint = Endpoint::parse(endpoint)?;
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            // Every place in flight keeps its connection, however long the pause.
            .pool_max_idle_per_host(client.max_in_flight as usize)
            .build_https();
        let (credentials, region) = identity(&endpoint, &http).await?;
        let config = |timeout| {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(timeout)
                .operation_attempt_timeout(timeout)
                .build();
            let config = Config::builder()
                .behavior_version(behavior())
                .endpoint_url(endpoint.url())
                .region(region.clone())
                .credentials_provider(credentials.clone())
                .http_client(http.clone())
                .retry_config(RetryConfig::disabled())
                // The attempt's deadline bounds a stall, and counts it as what it is.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts)
                .interceptor(IntegrityCheck)
                .build();
            Client::from_conf(config)
        };
        Ok(Self {
            client: config(client.attempt_timeout),
            admin: config(ADMIN_TIMEOUT),
        })
    }
}

async fn identity(
    endpoint: &Endpoint,
    http: &SharedHttpClient,
) -> Result<(SharedCredentialsProvider, Region), ConnectError> {
    let default_region = Region::from_static("us-east-1");
    if endpoint.is_loopback() {
        let dummy = Credentials::from_keys("dynamometer", "dynamometer", None);
        return Ok((SharedCredentialsProvider::new(dummy), default_region));
    }
    let aws = aws_config::defaults(behavior())
        .http_client(http.clone())
        .load()
        .await;
    let missing = || ConnectError::NoCredentials {
        host: endpoint.host().to_owned(),
    };
    let credentials = aws.credentials_provider().ok_or_else(missing)?;
    // Asked now, so that their absence stops the run before it starts.
    aws_credential_types::provider::ProvideCredentials::provide_credentials(&credentials)
        .await
        .map_err(|error| {
            // Debug output of the error names the providers tried; it holds no secrets, but
            // only its kind is worth showing.
            tracing::debug!(%error, "credentials chain");
            missing()
        })?;
    let region = aws.region().cloned().unwrap_or(default_region);
    Ok((credentials, region))
}

impl Target for SdkTarget {
    async fn execute(&self, table: &str, request: &Request) -> Answer {
        let direction = request.kind().direction();
        match self.attempt(table, request).await {
            Ok(declared) => {
                let mut consumed = ByDirection::<CapacityUnits>::default();
                consumed[direction] = declared
                    .and_then(|declared| declared.capacity_units)
                    .map_or(CapacityUnits::ZERO, CapacityUnits::from);
                Answer::Completed { consumed }
            }
            Err(answer) => answer,
        }
    }
}

/// Sends a request builder with capacity reporting on, and keeps what matters of the answer.
macro_rules! send {
    ($builder:expr, $table:expr) => {
        $builder
            .table_name($table)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map(|output| output.consumed_capacity)
            .map_err(|error| answer::of_error(&error))
    };
}

impl SdkTarget {
    async fn attempt(
        &self,
        table: &str,
        request: &Request,
    ) -> Result<Option<ConsumedCapacity>, Answer> {
        let strong = |consistency: &Consistency| *consistency == Consistency::Strong;
        match request {
            Request::Get { key, consistency } => {
                let get = self.client.get_item().set_key(Some(values::item(key)));
                send!(get.consistent_read(strong(consistency)), table)
            }
            Request::Put { item } => {
                let put = self.client.put_item().set_item(Some(values::item(item)));
                send!(put, table)
            }
            Request::Update { key, set } => {
                let update = self.client.update_item().set_key(Some(values::item(key)));
                let update = set
                    .iter()
                    .enumerate()
                    .fold(update, |update, (n, (name, value))| {
                        update
                            .expression_attribute_names(format!("#a{n}"), name)
                            .expression_attribute_values(format!(":v{n}"), values::value(value))
                    });
                // An update that sets nothing is legal, and creates the item.
                let update = update.set_update_expression(set_expression(set));
                send!(update, table)
            }
            Request::Delete { key } => {
                let delete = self.client.delete_item().set_key(Some(values::item(key)));
                send!(delete, table)
            }
            Request::Query {
                partition_key: (name, value),
                consistency,
                limit,
            } => {
                let query = self
                    .client
                    .query()
                    .key_condition_expression("#p = :p")
                    .expression_attribute_names("#p", name)
                    .expression_attribute_values(":p", values::value(value))
                    .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
                send!(query.consistent_read(strong(consistency)), table)
            }
        }
    }
}

fn set_expression(set: &[(String, AttributeValue)]) -> Option<String> {
    let assignments: Vec<_> = (0..set.len()).map(|n| format!("#a{n} = :v{n}")).collect();
    (!set.is_empty()).then(|| format!("SET {}", assignments.join(", ")))
}
