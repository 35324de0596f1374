//! Who signs, and by which clock: credentials are asked for again before they expire, and a
//! clock that the server refuses is set by the server's once.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::sign::Signer;

/// New credentials are asked for when those at hand end within this.
const MARGIN: Duration = Duration::from_mins(5);
/// Refusals of a clock that is off by less have another cause.
const OFF_AT_LEAST: SignedDuration = SignedDuration::from_mins(4);

pub(super) struct Identity {
    provider: SharedCredentialsProvider,
    region: String,
    signer: RwLock<Option<Arc<Signer>>>,
    /// Held by the one that asks for new credentials.
    asking: tokio::sync::Mutex<()>,
    /// The server's clock minus this machine's, in seconds; 0 until it refused ours.
    ahead_seconds: Arc<AtomicI64>,
}

impl Identity {
    pub(super) fn new(provider: SharedCredentialsProvider, region: String) -> Self {
        Self {
            provider,
            region,
            signer: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
            ahead_seconds: Arc::default(),
        }
    }

    /// The same, which asks for credentials by itself; both know of one clock of the server.
    pub(super) fn of_thread(&self) -> Self {
        Self {
            ahead_seconds: Arc::clone(&self.ahead_seconds),
            ..Self::new(self.provider.clone(), self.region.clone())
        }
    }

    /// Now, by the server's clock as far as that is known.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed));
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Who signs a request of `now`; `None` when there are no credentials for it.
    pub(super) async fn signer(&self, now: Timestamp) -> Option<Arc<Signer>> {
        let known = self.known();
        if let Some(signer) = &known
            && signer.is_good_for(MARGIN, now)
        {
            return known;
        }
        // One asks; the others go on with what is still good, or wait for it.
        let still_good = known.filter(|signer| signer.is_good_for(Duration::ZERO, now));
        let _asking = match (self.asking.try_lock(), still_good) {
            (Ok(asking), _) => asking,
            (Err(_), Some(signer)) => return Some(signer),
            (Err(_), None) => self.asking.lock().await,
        };
        let fresh = self.known().filter(|known| known.is_good_for(MARGIN, now));
        if fresh.is_some() {
            return fresh;
        }
        let asked = self.provider.provide_credentials().await;
        let signer = match asked.map(|found| Signer::new(&found, &self.region, now)) {
            Ok(Ok(signer)) => Arc::new(signer),
            Ok(Err(error)) => {
                tracing::debug!(%error, "session token");
                return None;
            }
            // What is at hand may still be good for a while.
            Err(error) => {
                tracing::debug!(%error, "credentials");
                return self
                    .known()
                    .filter(|it| it.is_good_for(Duration::ZERO, now));
            }
        };
        let mut place = self.signer.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::clone(&signer));
        Some(signer)
    }

    fn known(&self) -> Option<Arc<Signer>> {
        let signer = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        signer.clone()
    }

    /// Takes over the server's clock, once, if its `date` shows that the signature was refused
    /// for the time in it: whether that is so, and the request may be sent again.
    pub(super) fn follow(&self, date: &str) -> bool {
        let Ok(server) = rfc2822::parse(date) else {
            return false;
        };
        let ahead = server.timestamp().duration_since(Timestamp::now());
        if ahead.abs() < OFF_AT_LEAST {
            return false;
        }
        let seconds = ahead.as_secs();
        let first =
            self.ahead_seconds
                .compare_exchange(0, seconds, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_ok() {
            eprintln!(
                "warning: the server's clock is {seconds} s ahead of this machine's, and it \
                 refused a signature for that: requests are signed by its clock from now on"
            );
        }
        true
    }
}
