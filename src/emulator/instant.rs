//! A server that answers at once, to learn what a client can do: it reads nothing of a request
//! but its end and its target, and keeps nothing.
//!
//! Has a thread of its own, so that its CPU time can be told from the client's.

use std::{io, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::clock::cpu;

/// Bytes of text in the item that a read brings: with its names about 1 KB.
const ITEM: usize = 1000;
/// Room for the requests of one read of a socket.
const BUFFER: usize = 16 * 1024;

/// The server. Stops when this is dropped.
#[derive(Debug)]
pub struct InstantServer {
    address: SocketAddr,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl InstantServer {
    /// Listens on a port of this machine, with 0 on any free one.
    ///
    /// # Errors
    /// When it is taken, or there is no thread.
    pub fn start(port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let handle = runtime.handle().clone();
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("instant-server".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Its URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// CPU time that its thread has taken so far.
    pub async fn cpu(&self) -> Duration {
        let cpu = self.handle.spawn(async { cpu::of_thread() }).await;
        cpu.unwrap_or_default()
    }
}

impl Drop for InstantServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics never, and if it did there would be nothing to save.
            let _ = thread.join();
        }
    }
}

/// What a request asks for, as far as answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// `GetItem`.
    Item,
    /// `DescribeTable`: every table is there.
    Table,
    /// Any other, such as a write.
    Other,
}

/// Whole answers.
struct Answers {
    item: Vec<u8>,
    table: Vec<u8>,
    other: Vec<u8>,
}

impl Answers {
    fn to(&self, asked: Asked) -> &[u8] {
        match asked {
            Asked::Item => &self.item,
            Asked::Table => &self.table,
            Asked::Other => &self.other,
        }
    }
}

async fn accept(listener: TcpListener) {
    let capacity = r#""ConsumedCapacity":{"TableName":"Bench","CapacityUnits":1.0}"#;
    let text = "x".repeat(ITEM);
    let item = format!(r#"{{{capacity},"Item":{{"id":{{"S":"1"}},"text":{{"S":"{text}"}}}}}}"#);
    let answers = Arc::new(Answers {
        item: answer(&item),
        table: answer(r#"{"Table":{"TableStatus":"ACTIVE"}}"#),
        other: answer(&format!("{{{capacity}}}")),
    });
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            // A client that breaks off ends its connection, and nothing else.
            tokio::spawn(async move { serve(stream, &answers).await });
        }
    }
}

fn answer(body: &str) -> Vec<u8> {
    let (length, crc) = (body.len(), crc32fast::hash(body.as_bytes()));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-crc32: {crc}\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + body).into_bytes()
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(BUFFER);
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some((length, asked)) = whole(&buffer) {
            stream.write_all(answers.to(asked)).await?;
            buffer.drain(..length);
        }
    }
    Ok(())
}

/// Length of the first request in `buffer` if it is whole, and what it asks for.
fn whole(buffer: &[u8]) -> Option<(usize, Asked)> {
    const END: &[u8] = b"\r\n\r\n";
    let end = buffer.windows(END.len()).position(|part| part == END)?;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let mut length = 0;
    let mut asked = Asked::Other;
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        } else if name.eq_ignore_ascii_case("x-amz-target") {
            asked = match value.rsplit('.').next() {
                Some("GetItem") => Asked::Item,
                Some("DescribeTable") => Asked::Table,
                _ => Asked::Other,
            };
        }
    }
    let total = end + END.len() + length;
    (buffer.len() >= total).then_some((total, asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_when_its_body_is() {
        let request = b"POST / HTTP/1.1\r\nX-Amz-Target: D.GetItem\r\nContent-Length: 2\r\n\r\n{}";
        for length in 0..request.len() {
            assert_eq!(whole(&request[..length]), None, "{length}");
        }
        assert_eq!(whole(request), Some((request.len(), Asked::Item)));
        let two = [&request[..], b"POST"].concat();
        assert_eq!(whole(&two), Some((request.len(), Asked::Item)));
    }
}
