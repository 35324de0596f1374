//! Who signs, and by which clock: credentials are asked for again before they expire.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::sign::{Signer, Stamp};
use crate::target::server_clock::ServerClock;

/// New credentials are asked for when those at hand end within this.
const MARGIN: Duration = Duration::from_mins(5);
/// Between two times that new ones are asked for while those at hand are still good.
const PAUSE: Duration = Duration::from_secs(10);
/// The same when there are none.
const PAUSE_WITHOUT: Duration = Duration::from_secs(1);

pub(super) struct Identity {
    keys: Arc<Keys>,
    /// As it was for the request before.
    now: Mutex<Option<Arc<Stamp>>>,
    clock: ServerClock,
}

/// Where keys come from, and the one at hand.
struct Keys {
    provider: SharedCredentialsProvider,
    region: String,
    signer: RwLock<Option<Arc<Signer>>>,
    /// Held by the one that asks for new credentials; when it was that somebody did.
    asking: Arc<tokio::sync::Mutex<Option<i64>>>,
}

impl Identity {
    pub(super) fn new(
        provider: SharedCredentialsProvider,
        region: String,
        clock: ServerClock,
    ) -> Self {
        Self {
            keys: Arc::new(Keys {
                provider,
                region,
                signer: RwLock::default(),
                asking: Arc::default(),
            }),
            now: Mutex::default(),
            clock,
        }
    }

    /// The same, which asks for credentials by itself; both know of one clock of the server.
    pub(super) fn of_thread(&self) -> Self {
        let (provider, region) = (self.keys.provider.clone(), self.keys.region.clone());
        Self::new(provider, region, self.clock.clone())
    }

    /// The server's clock.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Now, by the server's clock as far as that is known.
    pub(super) fn now(&self) -> Arc<Stamp> {
        let now = self.clock.now();
        let mut last = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(stamp) if stamp.second() == now.as_second() => Arc::clone(stamp),
            _ => Arc::clone(last.insert(Arc::new(Stamp::new(now)))),
        }
    }

    /// Who signs a request of `now`; `None` when there are no credentials for it.
    ///
    /// Credentials that end soon are replaced while requests go on with them: none waits but for
    /// the first.
    pub(super) async fn signer(&self, now: &Arc<Stamp>) -> Option<Arc<Signer>> {
        let good_for = |margin| (self.keys.known()).filter(|known| known.is_good_for(margin, now));
        if let Some(signer) = good_for(MARGIN) {
            return Some(signer);
        }
        if let Some(signer) = good_for(Duration::ZERO) {
            self.keys.renew(now);
            return Some(signer);
        }
        let mut asked = self.keys.asking.lock().await;
        // Somebody else may have been faster.
        if good_for(Duration::ZERO).is_none() && is_over(PAUSE_WITHOUT, *asked, now) {
            *asked = Some(now.second());
            // On the heap: it is rare, and every request would have room for it.
            Box::pin(self.keys.ask(now)).await;
        }
        good_for(Duration::ZERO)
    }
}

/// Whether new credentials may be asked for at `now`, when they were at `asked`.
fn is_over(pause: Duration, asked: Option<i64>, now: &Stamp) -> bool {
    asked.is_none_or(|asked| now.second().abs_diff(asked) >= pause.as_secs())
}

impl Keys {
    fn known(&self) -> Option<Arc<Signer>> {
        let signer = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        signer.clone()
    }

    /// Asks for new credentials beside the requests, unless somebody does or has just done so.
    fn renew(self: &Arc<Self>, now: &Arc<Stamp>) {
        let Ok(mut asked) = Arc::clone(&self.asking).try_lock_owned() else {
            return;
        };
        if is_over(PAUSE, *asked, now) {
            *asked = Some(now.second());
            let (keys, now) = (Arc::clone(self), Arc::clone(now));
            tokio::spawn(async move {
                keys.ask(&now).await;
                drop(asked);
            });
        }
    }

    /// Asks for credentials. Without an answer those at hand stay, which may be good for a while.
    async fn ask(&self, now: &Stamp) {
        let asked = self.provider.provide_credentials().await;
        match asked.map(|found| Signer::new(&found, &self.region, now)) {
            Ok(Ok(signer)) => {
                let mut place = self.signer.write().unwrap_or_else(PoisonError::into_inner);
                *place = Some(Arc::new(signer));
            }
            Ok(Err(error)) => tracing::debug!(%error, "session token"),
            Err(error) => tracing::debug!(%error, "credentials"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex as StdMutex,
            atomic::{AtomicU32, Ordering},
        },
        time::SystemTime,
    };

    use aws_credential_types::{
        Credentials,
        provider::{error::CredentialsError, future},
    };
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// Temporary credentials, numbered, good for `lifetime` from when they were asked for; none
    /// once it is told to fail.
    #[derive(Debug)]
    struct Temporary {
        lifetime: Duration,
        asked: AtomicU32,
        fails: StdMutex<bool>,
    }

    impl Temporary {
        fn new(lifetime: Duration) -> Arc<Self> {
            Arc::new(Self {
                lifetime,
                asked: AtomicU32::new(0),
                fails: StdMutex::new(false),
            })
        }

        fn identity(self: &Arc<Self>) -> Identity {
            let provider = SharedCredentialsProvider::new(Provider(Arc::clone(self)));
            Identity::new(provider, "eu-central-1".to_owned(), ServerClock::default())
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::Relaxed)
        }

        fn fail(&self, fails: bool) {
            *self.fails.lock().unwrap() = fails;
        }
    }

    #[derive(Debug)]
    struct Provider(Arc<Temporary>);

    impl ProvideCredentials for Provider {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.0.asked.fetch_add(1, Ordering::Relaxed);
            if *self.0.fails.lock().unwrap() {
                return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(
                    "gone",
                )));
            }
            let (token, ends) = (
                format!("token-{number}"),
                SystemTime::now() + self.0.lifetime,
            );
            let found = Credentials::new("id", "secret", Some(token), Some(ends), "test");
            future::ProvideCredentials::ready(Ok(found))
        }
    }

    fn token(signer: Option<Arc<Signer>>) -> Option<String> {
        let signer = signer?;
        signer
            .token()
            .map(|token| token.to_str().unwrap().to_owned())
    }

    /// So much later than now.
    fn later(by: Duration) -> Arc<Stamp> {
        Arc::new(Stamp::new(
            Timestamp::now() + SignedDuration::try_from(by).unwrap(),
        ))
    }

    /// What was begun beside the requests is done.
    async fn settle(identity: &Identity) {
        // At the end of the queue of those who ask.
        tokio::task::yield_now().await;
        drop(identity.keys.asking.lock().await);
    }

    #[tokio::test]
    async fn credentials_are_asked_for_once_and_again_before_they_expire() {
        let temporary = Temporary::new(Duration::from_mins(15));
        let identity = temporary.identity();
        for _ in 0..100 {
            let now = later(Duration::ZERO);
            assert_eq!(token(identity.signer(&now).await).unwrap(), "token-0");
        }
        assert_eq!(temporary.asked(), 1);
        // Nobody waits for the new ones.
        let soon = later(Duration::from_mins(11));
        assert_eq!(token(identity.signer(&soon).await).unwrap(), "token-0");
        settle(&identity).await;
        assert_eq!(token(identity.signer(&soon).await).unwrap(), "token-1");
        assert_eq!(temporary.asked(), 2);
    }

    #[tokio::test]
    async fn what_is_still_good_is_used_while_there_is_nothing_new_and_nothing_afterwards() {
        let temporary = Temporary::new(Duration::from_mins(15));
        let identity = temporary.identity();
        assert!(identity.signer(&later(Duration::ZERO)).await.is_some());
        temporary.fail(true);
        let soon = later(Duration::from_mins(12));
        assert_eq!(token(identity.signer(&soon).await).unwrap(), "token-0");
        settle(&identity).await;
        assert_eq!(token(identity.signer(&soon).await).unwrap(), "token-0");
        let expired = later(Duration::from_mins(16));
        assert!(identity.signer(&expired).await.is_none());
        temporary.fail(false);
        let next = later(Duration::from_mins(16) + PAUSE_WITHOUT);
        // Of real time only an instant is gone, so these end before then, too.
        assert!(identity.signer(&next).await.is_none());
        assert!(identity.signer(&later(Duration::ZERO)).await.is_some());
    }

    #[tokio::test]
    async fn who_has_no_better_ones_is_not_asked_for_each_request() {
        // Good for less than the margin from the first moment on.
        let temporary = Temporary::new(Duration::from_mins(4));
        let identity = temporary.identity();
        let now = later(Duration::ZERO);
        for _ in 0..1000 {
            assert!(identity.signer(&now).await.is_some());
            settle(&identity).await;
        }
        assert_eq!(temporary.asked(), 1);
        assert!(identity.signer(&later(PAUSE)).await.is_some());
        settle(&identity).await;
        assert_eq!(temporary.asked(), 2);
        // The same when there are none at all.
        temporary.fail(true);
        let expired = later(Duration::from_mins(5));
        for _ in 0..1000 {
            assert!(identity.signer(&expired).await.is_none());
        }
        assert_eq!(temporary.asked(), 3);
    }

    #[tokio::test]
    async fn a_day_has_a_key_of_its_own() {
        let temporary = Temporary::new(Duration::from_hours(72));
        let identity = temporary.identity();
        identity.signer(&later(Duration::ZERO)).await.unwrap();
        let tomorrow = later(Duration::from_hours(24));
        assert_eq!(token(identity.signer(&tomorrow).await).unwrap(), "token-1");
    }
}
