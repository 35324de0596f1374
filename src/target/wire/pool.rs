//! Connections: made, kept for the next request, and retired.

use std::{
    error::Error,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Notify,
};

use super::tls::Tls;
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
    sender: SendRequest<Full<Bytes>>,
    carrier: Carrier,
    retires: Instant,
    counts: Arc<Counts>,
}

/// What moves the bytes of a connection. Whoever has sent a request moves them on, so that no
/// other task has to be woken for it, twice each time; while a connection lies idle nobody does.
struct Carrier {
    /// `None` when the connection has ended.
    moves: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl Carrier {
    /// Waits for `future`, which needs the connection. It is pinned where it was made: what a
    /// request has to remember is moved with it at every step.
    fn until<'a, F: Future>(
        &'a mut self,
        mut future: Pin<&'a mut F>,
    ) -> impl Future<Output = F::Output> + 'a {
        poll_fn(move |context| {
            // Before, as it may have something to be moved, and after, as it may have been moved.
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(output);
            }
            if let Some(moves) = &mut self.moves {
                // What goes wrong is told to whoever waits for an answer.
                if moves.as_mut().poll(context).is_ready() {
                    self.moves = None;
                }
            }
            future.as_mut().poll(context)
        })
    }
}

impl Connection {
    async fn is_ready(&mut self) -> bool {
        let ready = pin!(self.sender.ready());
        self.carrier.until(ready).await.is_ok()
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let answer = pin!(self.sender.try_send_request(request));
        self.carrier.until(answer).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
        self.counts.changed.notify_one();
    }
}

/// Why there is no answer, in words for the report.
pub(super) struct Fault(pub(super) String);

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

    /// Sends a request and reads its answer to the end.
    ///
    /// # Errors
    /// When there is no connection, it breaks, or the answer is no HTTP or too large.
    pub(super) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Fault> {
        let (mut connection, answer) = self.send(request).await?;
        let (head, body) = answer.into_parts();
        // One that is announced is not waited for.
        if body.size_hint().lower() > lost::BODY_BYTES_MAX as u64 {
            return Err(Fault(lost::too_large()));
        }
        let whole = pin!(Limited::new(body, lost::BODY_BYTES_MAX).collect());
        let body = connection.carrier.until(whole).await;
        let body = body.map_err(|error| Fault(lost::of_body(&*error)))?;
        if Instant::now() < connection.retires {
            self.put_back(connection);
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Connection, Response<Incoming>), Fault> {
        loop {
            let (mut connection, is_new) = match self.idle_or_leave().await {
                Ok(connection) => (connection, false),
                Err(leave) => {
                    // On the heap: it is rare, and each request would have room for it.
                    let opened = Box::pin(self.open()).await;
                    drop(leave);
                    (opened?, true)
                }
            };
            // It may still be at the end of the answer before.
            if !is_new && !connection.is_ready().await {
                continue;
            }
            match connection.send(request).await {
                Ok(answer) => return Ok((connection, answer)),
                // The server closed it while it lay idle: nothing was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(broken(&error.into_error())),
                },
            }
        }
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
        std::iter::from_fn(|| idle.pop()).find(|it| !it.sender.is_closed())
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
        let (sender, carrier) = match tls {
            None => shake_hands(stream).await?,
            Some(tls) => {
                let stream = tls
                    .wrap(host, stream)
                    .await
                    .map_err(|error| unconnected(&error))?;
                shake_hands(stream).await?
            }
        };
        let jitter = RETIRED_AFTER / 4 * u32::try_from(number % 64).unwrap_or(0) / 64;
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        self.counts.changed.notify_one();
        Ok(Connection {
            sender,
            carrier,
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

async fn shake_hands<S>(stream: S) -> Result<(SendRequest<Full<Bytes>>, Carrier), Fault>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    // Head and body in one piece: copying a kilobyte is cheaper than a list of pieces.
    let mut settings = http1::Builder::new();
    let shaken = settings.writev(false).handshake(TokioIo::new(stream));
    let shaken = shaken.await;
    let (sender, connection) = shaken.map_err(|error| broken(&error))?;
    let moves = Some(Box::pin(connection) as _);
    Ok((sender, Carrier { moves }))
}

fn unconnected(error: &io::Error) -> Fault {
    Fault(lost::of_connect(error.kind()))
}

fn broken(error: &(dyn Error + 'static)) -> Fault {
    Fault(lost::of_connection(error))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

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
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    stream.write_all(answer).await.unwrap();
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
            let request = Request::post("/").header("host", "server.test");
            let request = request.body(Full::default()).unwrap();
            match pool.exchange(request).await {
                Ok(_) => answered += 1,
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
