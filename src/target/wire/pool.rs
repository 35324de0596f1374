//! Connections: made, kept for the next request, and retired.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpStream, lookup_host},
    sync::Notify,
};

use super::{
    http::{Line, Whole},
    stream::Stream,
    tls::Tls,
};
use crate::target::lost;

/// A connection is used for so long, and up to a quarter longer, so that not all of them end at
/// once. Then the name is looked up again.
const RETIRED_AFTER: Duration = Duration::from_mins(5);

/// So many connections may be opened at once, or a quarter of those that there are. Who is refused
/// waits for the first that is free: after a pause in which much became due, opening one for each
/// request would take longer than sending them all over a few.
const OPENING: usize = 8;

/// Where connections lead.
#[derive(Clone)]
pub(super) struct Origin {
    /// Name or address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) names: Names,
    /// `None` over plain TCP.
    pub(super) tls: Option<Tls>,
}

/// Who knows what address a name has.
#[derive(Clone, Default)]
pub(super) enum Names {
    #[default]
    System,
    #[cfg(test)]
    Played(Arc<dyn Fn() -> io::Result<SocketAddr> + Send + Sync>),
}

impl Names {
    async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(lookup_host((host, port)).await?.collect()),
            #[cfg(test)]
            Self::Played(lookup) => Ok(vec![lookup()?]),
        }
    }
}

/// Connections to one origin. At most as many as there are requests under way at once.
pub(super) struct Pool {
    origin: Origin,
    /// The one used last comes last.
    idle: Mutex<Vec<Connection>>,
    opened: AtomicUsize,
    counts: Arc<Counts>,
}

/// How many connections there are.
#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    opening: AtomicUsize,
    /// One of those who wait has to look again.
    changed: Notify,
}

impl Counts {
    /// Leave to open a connection, if there is one to be had.
    fn leave(&self) -> Option<Leave<'_>> {
        let most = OPENING.max(self.open.load(Ordering::Relaxed) / 4);
        if self.opening.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Leave(self));
        }
        self.opening.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

/// Leave to open a connection, until this is dropped.
struct Leave<'a>(&'a Counts);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.opening.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

/// An open connection; it closes when this is dropped.
struct Connection {
    line: Line<Stream>,
    retires: Instant,
    counts: Arc<Counts>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
        self.counts.changed.notify_one();
    }
}

/// Why there is no answer, in words for the report.
pub(super) struct Fault(pub(super) String);

/// An answer, where its connection has read it to.
pub(super) struct Reply<'a> {
    pool: &'a Pool,
    connection: Connection,
}

impl Reply<'_> {
    pub(super) fn whole(&self) -> Whole<'_> {
        self.connection.line.whole()
    }

    /// Forgets it; its connection is free for another request if there may be one.
    pub(super) fn release(mut self) {
        let is_ready = self.connection.line.is_ready_again();
        if is_ready && Instant::now() < self.connection.retires {
            self.pool.put_back(self.connection);
        }
    }
}

impl Pool {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            idle: Mutex::default(),
            opened: AtomicUsize::default(),
            counts: Arc::default(),
        }
    }

    /// Connections of its own to the same origin.
    pub(super) fn of_thread(&self) -> Self {
        Self::new(self.origin.clone())
    }

    /// Opens a connection for a request to come, if that succeeds.
    pub(super) async fn connect(&self) {
        if let Ok(connection) = self.open().await {
            self.put_back(connection);
        }
    }

    /// Sends a request, head and body, and reads its answer to the end.
    ///
    /// # Errors
    /// When there is no connection, it breaks, or the answer is no HTTP or too large.
    pub(super) async fn exchange(&self, request: &[u8]) -> Result<Reply<'_>, Fault> {
        let mut connection = match self.idle_or_leave().await {
            Ok(connection) => connection,
            Err(leave) => {
                // On the heap: it is rare, and each request would have room for it.
                let opened = Box::pin(self.open()).await;
                drop(leave);
                opened?
            }
        };
        let exchanged = connection.line.exchange(request).await;
        exchanged.map_err(|lost| Fault(lost.cause()))?;
        Ok(Reply {
            pool: self,
            connection,
        })
    }

    /// A connection that is free, or else leave to open another.
    async fn idle_or_leave(&self) -> Result<Connection, Leave<'_>> {
        loop {
            // From here on no change is missed.
            let changed = self.counts.changed.notified();
            if let Some(connection) = self.take() {
                return Ok(connection);
            }
            if let Some(leave) = self.counts.leave() {
                return Err(leave);
            }
            changed.await;
        }
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // One that the server closed while it lay idle: nothing was sent over it.
        std::iter::from_fn(|| idle.pop()).find_map(|mut it| it.line.stream.is_quiet().then_some(it))
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
        drop(idle);
        self.counts.changed.notify_one();
    }

    async fn open(&self) -> Result<Connection, Fault> {
        let Origin {
            host,
            port,
            names,
            tls,
        } = &self.origin;
        let addresses = names.lookup(host, *port).await;
        let addresses = addresses.map_err(|_| Fault(lost::of_name()))?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let stream = connect(&addresses, number).await;
        let stream = stream.map_err(|error| unconnected(&error))?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => {
                let wrapped = tls.wrap(host, stream).await;
                Stream::Tls(Box::new(wrapped.map_err(|error| unconnected(&error))?))
            }
        };
        let jitter = RETIRED_AFTER / 4 * u32::try_from(number % 64).unwrap_or(0) / 64;
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        self.counts.changed.notify_one();
        Ok(Connection {
            line: Line::new(stream),
            retires: Instant::now() + RETIRED_AFTER + jitter,
            counts: Arc::clone(&self.counts),
        })
    }
}

/// The first address that takes a connection, beginning with another one each time.
async fn connect(addresses: &[SocketAddr], number: usize) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for position in 0..addresses.len() {
        let address = addresses[(number + position) % addresses.len()];
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn unconnected(error: &io::Error) -> Fault {
    Fault(lost::of_connect(error.kind()))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

    fn pool(address: SocketAddr) -> Pool {
        Pool::new(Origin {
            host: "server.test".to_owned(),
            port: address.port(),
            names: Names::Played(Arc::new(move || Ok(address))),
            tls: None,
        })
    }

    /// A server that answers one request of each connection, and then says `last` and nothing
    /// more, or closes; it counts connections and all requests.
    async fn server(last: Option<&'static [u8]>) -> (SocketAddr, Arc<[AtomicUsize; 2]>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let counted = Arc::clone(&counts);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let counted = Arc::clone(&counted);
                counted[0].fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    for answer in [Some(ANSWER), last] {
                        if stream.read(&mut buffer).await.unwrap() == 0 {
                            return;
                        }
                        counted[1].fetch_add(1, Ordering::SeqCst);
                        stream.write_all(answer.unwrap_or_default()).await.unwrap();
                        if last.is_none() {
                            return;
                        }
                    }
                });
            }
        });
        (address, counts)
    }

    async fn exchange(pool: &Pool) -> Result<(), String> {
        let reply = pool.exchange(REQUEST).await;
        reply.map(Reply::release).map_err(|Fault(cause)| cause)
    }

    /// Until the runtime has noticed what the server did to the one connection.
    async fn noticed(pool: &Pool) {
        loop {
            let is_quiet = |it: &mut Connection| it.line.stream.is_quiet();
            if !pool.idle.lock().unwrap().iter_mut().any(is_quiet) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn counts(counts: &[AtomicUsize; 2]) -> [usize; 2] {
        [0, 1].map(|which| counts[which].load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn nothing_is_sent_over_a_connection_that_closed_while_it_lay_idle() {
        let (address, counted) = server(None).await;
        let pool = pool(address);
        for _ in 0..3 {
            assert_eq!(exchange(&pool).await, Ok(()));
            noticed(&pool).await;
        }
        assert_eq!(counts(&counted), [3, 3]);
    }

    #[tokio::test]
    async fn nothing_is_sent_over_a_connection_on_which_something_came_unasked() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let pool = pool(listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                assert!(stream.read(&mut buffer).await.unwrap() > 0);
                stream.write_all(ANSWER).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
                let timed_out = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(timed_out).await.unwrap();
                open.push(stream);
            }
            open
        });
        for _ in 0..2 {
            let reply = pool.exchange(REQUEST).await;
            let reply = reply.map_err(|Fault(cause)| cause).unwrap();
            assert_eq!(reply.whole().status, 200);
            reply.release();
            noticed(&pool).await;
        }
        server.await.unwrap();
    }

    #[tokio::test]
    async fn what_was_sent_is_not_sent_again() {
        // The first is answered, the second received and not answered.
        let (address, counted) = server(Some(b"")).await;
        let pool = pool(address);
        assert_eq!(exchange(&pool).await, Ok(()));
        let closed = "connection closed before the answer, outcome unknown";
        assert_eq!(exchange(&pool).await, Err(closed.to_owned()));
        assert_eq!(counts(&counted), [1, 2]);
    }

    #[tokio::test]
    async fn who_gives_up_closes_the_connection() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let pool = pool(listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            stream.read_to_end(&mut request).await.unwrap();
            request
        });
        let given_up = tokio::time::timeout(Duration::from_millis(50), pool.exchange(REQUEST));
        assert!(given_up.await.is_err());
        assert_eq!(server.await.unwrap(), REQUEST);
        assert!(pool.take().is_none());
        assert_eq!(pool.counts.open.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_for_a_while_fails_what_needs_it_and_no_more() {
        const FAILURES: usize = 5;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&received);
        let server = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                while stream.read(&mut buffer).await.unwrap() > 0 {
                    counted.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(ANSWER).await.unwrap();
                }
            }
        });
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = Arc::clone(&asked);
        let pool = Pool::new(Origin {
            host: "server.test".to_owned(),
            port: address.port(),
            names: Names::Played(Arc::new(move || {
                let is_down = asking.fetch_add(1, Ordering::SeqCst) < FAILURES;
                if is_down {
                    Err(io::Error::other("the name server does not answer"))
                } else {
                    Ok(address)
                }
            })),
            tls: None,
        });
        let mut answered = 0;
        for number in 0..3 * FAILURES {
            match pool.exchange(REQUEST).await {
                Ok(reply) => {
                    reply.release();
                    answered += 1;
                }
                Err(Fault(cause)) => {
                    assert!(number < FAILURES, "{number}: {cause}");
                    assert_eq!(cause, "cannot connect: the name is not found");
                }
            }
        }
        assert_eq!(answered, 2 * FAILURES);
        assert_eq!(received.load(Ordering::SeqCst), answered);
        // The connection is kept, so the name is needed no more.
        assert_eq!(asked.load(Ordering::SeqCst), FAILURES + 1);
        server.abort();
    }
}
