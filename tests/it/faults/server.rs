//! A server that breaks the protocol on a script, byte by byte, and keeps books.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What the server does with a request that it has read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// None: a whole and correct answer that declares half a unit.
    None,
    /// This status, content type and body, all of it correct HTTP.
    Answer(u16, &'static str, &'static str),
    /// Success with this checksum.
    Checksum(&'static str),
    /// These bytes, then the connection is closed in good order.
    Bytes(&'static str),
    /// These bytes, then the connection is reset.
    BytesThenReset(&'static str),
    /// A whole answer, then the connection is reset.
    AnswerThenReset,
    /// A whole answer, one byte every so often.
    Trickle(Duration),
    /// A success that announces a body of so many bytes.
    Huge(u64),
    /// Nothing, until the client gives up.
    Stall,
}

pub const OK_BODY: &str = r#"{"ConsumedCapacity":{"TableName":"Users","CapacityUnits":0.5}}"#;

type Script = Box<dyn Fn(usize) -> Fault + Send + Sync>;

struct Books {
    script: Script,
    /// Whole requests read, by the fault that they got.
    received: Mutex<BTreeMap<Fault, u64>>,
    number: AtomicUsize,
    open: AtomicUsize,
    open_max: AtomicUsize,
}

/// The server; it stops when this is dropped.
pub struct FaultServer {
    pub address: SocketAddr,
    books: Arc<Books>,
    task: Option<JoinHandle<()>>,
}

impl FaultServer {
    /// Request number *n*, from 0, gets `script(n)`.
    pub async fn start(script: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let books = Arc::new(Books {
            script: Box::new(script),
            received: Mutex::default(),
            number: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            open_max: AtomicUsize::new(0),
        });
        Self {
            address: listener.local_addr().unwrap(),
            task: Some(tokio::spawn(serve(listener, Arc::clone(&books)))),
            books,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whole requests read so far, by the fault that they got.
    pub fn received(&self) -> BTreeMap<Fault, u64> {
        self.books.received.lock().unwrap().clone()
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.books.open.load(Ordering::SeqCst)
    }

    /// The most connections that were open at one time.
    pub fn open_max(&self) -> usize {
        self.books.open_max.load(Ordering::SeqCst)
    }

    /// Dies: nothing listens any more, and every connection is gone.
    pub async fn die(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    /// Comes back on the same port.
    pub async fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = Some(tokio::spawn(serve(listener, Arc::clone(&self.books))));
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, books: Arc<Books>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let open = Open::count(&books);
        connections.spawn(async move {
            // That a client hangs up is its own business.
            let _ = talk(stream, &open.0).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

struct Open(Arc<Books>);

impl Open {
    fn count(books: &Arc<Books>) -> Self {
        let now = books.open.fetch_add(1, Ordering::SeqCst) + 1;
        books.open_max.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(books))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads requests and does what the script says, until the connection ends.
async fn talk(mut stream: TcpStream, books: &Books) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        read_request(&mut stream, &mut buffer).await?;
        let fault = (books.script)(books.number.fetch_add(1, Ordering::SeqCst));
        *books
            .received
            .lock()
            .unwrap()
            .entry(fault.clone())
            .or_default() += 1;
        match fault {
            Fault::None => stream.write_all(&whole(OK_BODY)).await?,
            Fault::Answer(status, content_type, body) => {
                let crc = crc32fast::hash(body.as_bytes()).to_string();
                let answer = answer(status, content_type, &crc, body.as_bytes());
                stream.write_all(&answer).await?;
            }
            Fault::Checksum(crc) => {
                let json = "application/x-amz-json-1.0";
                let answer = answer(200, json, crc, OK_BODY.as_bytes());
                stream.write_all(&answer).await?;
            }
            Fault::Bytes(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Fault::BytesThenReset(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                return reset(stream).await;
            }
            Fault::AnswerThenReset => {
                stream.write_all(&whole(OK_BODY)).await?;
                return reset(stream).await;
            }
            Fault::Trickle(pause) => {
                for byte in whole(OK_BODY) {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Fault::Huge(bytes) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{{");
                stream.write_all(head.as_bytes()).await?;
                // More of it than a client should care to read.
                while stream.write_all(&[b' '; 4096]).await.is_ok() {}
                return Ok(());
            }
            Fault::Stall => {
                // Until the client hangs up.
                while stream.read(&mut [0; 1024]).await? > 0 {}
                return Ok(());
            }
        }
    }
}

async fn reset(stream: TcpStream) -> io::Result<()> {
    // Time for what was written to be read: a reset takes along what is under way.
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.set_zero_linger()
}

/// Takes one whole request off the stream; what follows stays in `buffer`.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    loop {
        if let Some(length) = request_length(buffer) {
            buffer.drain(..length);
            return Ok(());
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Bytes of the first request in `buffer`, once it is whole.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).unwrap();
    let body: usize = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    })?;
    (buffer.len() >= head + body).then_some(head + body)
}

fn whole(body: &str) -> Vec<u8> {
    let crc = crc32fast::hash(body.as_bytes()).to_string();
    answer(200, "application/x-amz-json-1.0", &crc, body.as_bytes())
}

fn answer(status: u16, content_type: &str, crc: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         x-amz-crc32: {crc}\r\nlocation: http://127.0.0.1:1/\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
