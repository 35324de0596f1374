//! Stands between a client and a server, and breaks one exchange in twenty in one of six ways.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What becomes of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passed,
    Delayed,
    /// Answered with 500; the server never hears of it.
    Refused,
    /// The connection closes; the server never hears of it.
    Dropped,
    /// The server's answer is not passed on, and the connection is reset.
    Lost,
    /// Half of the server's answer is passed on.
    Halved,
}

pub const FATES: [Fate; 6] = [
    Fate::Passed,
    Fate::Delayed,
    Fate::Refused,
    Fate::Dropped,
    Fate::Lost,
    Fate::Halved,
];

impl Fate {
    fn of(number: u64) -> Self {
        match number % 100 {
            0 => Self::Refused,
            20 => Self::Dropped,
            40 => Self::Lost,
            60 => Self::Halved,
            80 => Self::Delayed,
            _ => Self::Passed,
        }
    }

    /// Whether the server hears of it.
    pub fn is_forwarded(self) -> bool {
        !matches!(self, Self::Refused | Self::Dropped)
    }

    /// Whether the client has the server's answer.
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Passed | Self::Delayed)
    }
}

#[derive(Default)]
struct Books {
    armed: AtomicBool,
    number: AtomicU64,
    /// As [`FATES`].
    counts: [AtomicU64; FATES.len()],
}

pub struct Proxy {
    address: SocketAddr,
    books: Arc<Books>,
}

impl Proxy {
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let books = Arc::new(Books::default());
        let shared = Arc::clone(&books);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let books = Arc::clone(&shared);
                // Who hangs up first is all the same.
                tokio::spawn(async move {
                    let _ = talk(client, server, &books).await;
                });
            }
        });
        Ok(Self { address, books })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From here on exchanges are counted, and some break.
    pub fn arm(&self) {
        self.books.armed.store(true, Ordering::SeqCst);
    }

    /// Exchanges whose fate is one of those.
    pub fn count(&self, is: impl Fn(Fate) -> bool) -> u64 {
        let counts = FATES.iter().zip(&self.books.counts);
        let counts = counts.filter(|(fate, _)| is(**fate));
        counts.map(|(_, count)| count.load(Ordering::SeqCst)).sum()
    }
}

async fn talk(mut client: TcpStream, server: SocketAddr, books: &Books) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    loop {
        let request = message(&mut client, &mut asked).await?;
        let fate = if books.armed.load(Ordering::SeqCst) {
            Fate::of(books.number.fetch_add(1, Ordering::SeqCst))
        } else {
            Fate::Passed
        };
        if books.armed.load(Ordering::SeqCst) {
            books.counts[fate as usize].fetch_add(1, Ordering::SeqCst);
        }
        match fate {
            Fate::Dropped => return client.shutdown().await,
            Fate::Refused => {
                let refusal = b"HTTP/1.1 500 Broken\r\ncontent-length: 2\r\n\r\n{}";
                client.write_all(refusal).await?;
                continue;
            }
            _ => server.write_all(&request).await?,
        }
        let answer = message(&mut server, &mut answered).await?;
        match fate {
            Fate::Lost => return client.set_zero_linger(),
            Fate::Halved => {
                client.write_all(&answer[..answer.len() - 5]).await?;
                return client.shutdown().await;
            }
            Fate::Delayed => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => {}
        }
        client.write_all(&answer).await?;
    }
}

/// A request or an answer with its head, once it is whole; what follows stays in `buffer`.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(length) = length(buffer).filter(|length| *length <= buffer.len()) {
            return Ok(buffer.drain(..length).collect());
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Bytes of the first message in `buffer`, once its head is there.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    Some(head + body.unwrap_or(0))
}
