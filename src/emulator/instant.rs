//! A server that answers at once, to learn what a client can do: it reads nothing of a request
//! but its end and its target, and keeps nothing.
//!
//! Has a thread of its own, so that its CPU time can be told from the client's.

use std::{io, net::SocketAddr, thread::JoinHandle, time::Duration};

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
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When there is none, or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
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

async fn accept(listener: TcpListener) {
    let [read, written] = [true, false].map(answer);
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let answers = [read.clone(), written.clone()];
            // A client that breaks off ends its connection, and nothing else.
            tokio::spawn(async move { serve(stream, answers).await });
        }
    }
}

/// A whole answer: to a read with an item, or to a write.
fn answer(read: bool) -> Vec<u8> {
    let capacity = r#""ConsumedCapacity":{"TableName":"Bench","CapacityUnits":1.0}"#;
    let body = if read {
        let text = "x".repeat(ITEM);
        format!(r#"{{{capacity},"Item":{{"id":{{"S":"1"}},"text":{{"S":"{text}"}}}}}}"#)
    } else {
        format!("{{{capacity}}}")
    };
    let (length, crc) = (body.len(), crc32fast::hash(body.as_bytes()));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-crc32: {crc}\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

async fn serve(mut stream: TcpStream, [read, written]: [Vec<u8>; 2]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(BUFFER);
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some((length, is_read)) = whole(&buffer) {
            let answer = if is_read { &read } else { &written };
            stream.write_all(answer).await?;
            buffer.drain(..length);
        }
    }
    Ok(())
}

/// Length of the first request in `buffer` if it is whole, and whether it is a `GetItem`.
fn whole(buffer: &[u8]) -> Option<(usize, bool)> {
    const END: &[u8] = b"\r\n\r\n";
    let end = buffer.windows(END.len()).position(|part| part == END)?;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let mut length = 0;
    let mut is_read = false;
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        } else if name.eq_ignore_ascii_case("x-amz-target") {
            is_read = value.ends_with(".GetItem");
        }
    }
    let total = end + END.len() + length;
    (buffer.len() >= total).then_some((total, is_read))
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
        assert_eq!(whole(request), Some((request.len(), true)));
        let two = [&request[..], b"POST"].concat();
        assert_eq!(whole(&two), Some((request.len(), true)));
    }
}
