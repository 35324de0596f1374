//! The AWS SDK for Rust as a target: its own retries off, every attempt with a deadline, every
//! answer checked.
//!
//! Must not decide what a run does; it only carries requests.

pub mod admin;
mod answer;
mod clock;
mod date;
mod declared;
mod definition;
mod endpoint;
mod existing;
mod integrity;
pub mod live;
mod ranges;
mod scale;
mod several;
mod single;
mod url;
mod values;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Builder as ConfigBuilder, Config, Credentials, Region,
        SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use super::{
    Answer, Attempted, Target,
    pace::{Pace, Paced},
    server_clock::{self, ServerClock},
};
use crate::{
    record::Declared,
    scenario::{ClientSettings, Table},
    units::TimeScale,
    workload::Request,
};
use clock::FollowClock;
use endpoint::Endpoint;
use integrity::IntegrityCheck;
use scale::ToldScale;

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
        "endpoint {host} is AWS itself, which costs money: say --live --region REGION instead of \
         --endpoint"
    )]
    LiveAws {
        /// Its host.
        host: String,
    },
    /// AWS does not say whose the credentials are.
    #[error(
        "AWS does not say who we are: {cause}\n  help: `aws sts get-caller-identity` should succeed \
         with the same environment"
    )]
    NoIdentity {
        /// What AWS or the connection said.
        cause: String,
    },
    /// No credentials for an endpoint that is not on this machine.
    #[error(
        "no AWS credentials for {host}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
         or AWS_PROFILE, to anything if that server checks none (only endpoints on this machine \
         need none)"
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
    credentials: SharedCredentialsProvider,
    region: Region,
    /// What tables are marked with that are made; on AWS alone.
    marks: Option<live::Marks>,
    connections: Connections,
    pace: Pace,
    told_scale: ToldScale,
    clock: ServerClock,
}

/// What connections are kept.
#[derive(Clone, Copy, Debug)]
struct Connections {
    /// So many, without a request: every place in flight keeps its own, however long the pause.
    idle: usize,
    /// Over TLS, too. Without it no certificates are read, which takes a moment.
    tls: bool,
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
        let connections = Connections {
            idle: client.max_in_flight as usize,
            tls: !endpoint.is_plain_loopback(),
        };
        let http = connections.http();
        let (credentials, region) = identity(&endpoint, &http).await?;
        let base = Config::builder()
            .endpoint_url(endpoint.url())
            .region(region.clone())
            .credentials_provider(credentials.clone())
            .http_client(http);
        Ok(Self::with(&base, connections, credentials, region, client))
    }

    /// Clients that know where and as whom, and do nothing by themselves.
    fn with(
        base: &ConfigBuilder,
        connections: Connections,
        credentials: SharedCredentialsProvider,
        region: Region,
        client: &ClientSettings,
    ) -> Self {
        let clock = ServerClock::default();
        let follow = FollowClock(clock.clone());
        let config = |timeout| {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(timeout)
                .operation_attempt_timeout(timeout)
                .build();
            base.clone()
                .behavior_version(behavior())
                .retry_config(RetryConfig::disabled())
                // The attempt's deadline bounds a stall, and counts it as what it is.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts)
                .interceptor(IntegrityCheck)
        };
        let measured = config(client.attempt_timeout).interceptor(follow.clone());
        let told_scale = ToldScale::default();
        let admin = config(ADMIN_TIMEOUT)
            .interceptor(told_scale.clone())
            .retry_config(clock::once_more())
            .retry_classifier(follow);
        Self {
            client: Client::from_conf(measured.build()),
            admin: Client::from_conf(admin.build()),
            credentials,
            region,
            marks: None,
            connections,
            pace: Pace::new(client, TimeScale::REAL),
            told_scale,
            clock,
        }
    }

    /// The same where the run's time passes at another speed than the machine's.
    #[must_use]
    pub fn scaled(self, client: &ClientSettings, scale: TimeScale) -> Self {
        Self {
            pace: Pace::new(client, scale),
            ..self
        }
    }

    /// How it waits within a request.
    pub(super) const fn pace(&self) -> Pace {
        self.pace
    }

    /// The server's clock, as far as it had to be taken over.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Who signs, and for which region.
    pub(super) const fn identity(&self) -> (&SharedCredentialsProvider, &Region) {
        (&self.credentials, &self.region)
    }
}

impl Connections {
    fn http(self) -> SharedHttpClient {
        let builder = Builder::new().pool_max_idle_per_host(self.idle);
        if self.tls {
            let tls = Provider::Rustls(CryptoMode::Ring);
            builder.tls_provider(tls).build_https()
        } else {
            builder.build_http()
        }
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
    let credentials = credentials(&aws, endpoint.host()).await?;
    let region = aws.region().cloned().unwrap_or(default_region);
    Ok((credentials, region))
}

/// The credentials of AWS's usual chain, asked for now, so that their absence stops the run
/// before it starts.
async fn credentials(
    aws: &SdkConfig,
    host: &str,
) -> Result<SharedCredentialsProvider, ConnectError> {
    let missing = || ConnectError::NoCredentials {
        host: host.to_owned(),
    };
    let credentials = aws.credentials_provider().ok_or_else(missing)?;
    aws_credential_types::provider::ProvideCredentials::provide_credentials(&credentials)
        .await
        .map_err(|error| {
            // Debug output of the error names the providers tried; it holds no secrets, but
            // only its kind is worth showing.
            tracing::debug!(%error, "credentials chain");
            missing()
        })?;
    Ok(credentials)
}

impl Target for SdkTarget {
    async fn execute(&self, table: &Table, request: &Request) -> Attempted {
        let mut attempt = Attempt {
            client: &self.client,
            table,
            paced: self.pace.begin(),
            declared: Declared::default(),
        };
        let answer = attempt.execute(request).await;
        let answer = answer.map_err(|answer| corrected(answer, &self.clock));
        Attempted {
            answer: answer.map_or_else(|answer| answer, |()| Answer::Completed),
            declared: attempt.declared,
        }
    }

    fn of_thread(&self) -> Self {
        let config = self.client.config().to_builder();
        let config = config.http_client(self.connections.http()).build();
        Self {
            client: Client::from_conf(config),
            ..self.clone()
        }
    }
}

/// An exception that this machine's clock is to blame for may go away with the server's.
fn corrected(answer: Answer, clock: &ServerClock) -> Answer {
    match answer {
        Answer::Failed { cause, retryable } => {
            let retryable = retryable || server_clock::is_refusal(&cause) && clock.is_theirs();
            Answer::Failed { cause, retryable }
        }
        other => other,
    }
}

/// One attempt at a request of the mix, which may take several of DynamoDB's.
struct Attempt<'a> {
    client: &'a Client,
    table: &'a Table,
    paced: Paced,
    /// What its answers so far declare.
    declared: Declared,
}

impl Attempt<'_> {
    async fn execute(&mut self, request: &Request) -> Result<(), Answer> {
        match request {
            Request::Get { key, consistency } => self.get(key, *consistency).await,
            Request::Write {
                write,
                condition,
                return_values,
            } => self.write(write, *condition, *return_values).await,
            Request::Query(query) => self.query(query).await,
            Request::Scan { segment, page } => self.scan(*segment, page).await,
            Request::BatchGet {
                keys,
                consistency,
                retry_unprocessed,
            } => self.batch_get(keys, *consistency, *retry_unprocessed).await,
            Request::BatchWrite {
                writes,
                retry_unprocessed,
            } => self.batch_write(writes, *retry_unprocessed).await,
            Request::TransactGet { keys } => self.transact_get(keys).await,
            Request::TransactWrite { writes } => self.transact_write(writes).await,
            Request::ReadModifyWrite {
                key,
                set,
                consistency,
            } => self.read_modify_write(key, set, *consistency).await,
            Request::Statement {
                text,
                parameters,
                kind,
                consistency,
            } => self.statement(text, parameters, *kind, *consistency).await,
        }
    }
}
