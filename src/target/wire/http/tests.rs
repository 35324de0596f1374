use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadBuf, duplex};

use super::*;

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}";
const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// A connection over which so many bytes go before somebody has to read them, and its other end.
fn connected(room: usize) -> (Line<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(room);
    (Line::new(near), far)
}

async fn receive(far: &mut DuplexStream) {
    let mut request = vec![0; REQUEST.len()];
    far.read_exact(&mut request).await.unwrap();
    assert_eq!(request, REQUEST);
}

#[tokio::test]
async fn requests_and_answers_follow_each_other() {
    let (mut line, mut far) = connected(16);
    let server = tokio::spawn(async move {
        for _ in 0..3 {
            receive(&mut far).await;
            far.write_all(FINE).await.unwrap();
        }
    });
    for _ in 0..3 {
        assert_eq!(line.exchange(REQUEST).await, Ok(()));
        assert_eq!(line.whole().body, b"{}");
        assert!(line.is_ready_again());
    }
    server.await.unwrap();
    // Now it is closed.
    let lost = line.exchange(REQUEST).await.unwrap_err();
    assert_eq!(lost, Lost::Broke(io::ErrorKind::BrokenPipe));
}

#[tokio::test]
async fn an_answer_before_the_whole_request_is_read_counts_and_is_the_last() {
    let (mut line, mut far) = connected(1000);
    let refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}";
    far.write_all(refusal).await.unwrap();
    let long = vec![b'x'; 1 << 20];
    assert_eq!(line.exchange(&long).await, Ok(()));
    assert_eq!(line.whole().status, 413);
    assert!(!line.is_ready_again());
    // The same where the server closes before it is written.
    let (mut line, mut far) = connected(1000);
    far.write_all(refusal).await.unwrap();
    drop(far);
    assert_eq!(line.exchange(&long).await, Ok(()));
    assert_eq!(line.whole().status, 413);
    assert!(!line.is_ready_again());
}

#[tokio::test]
async fn a_request_that_is_longer_than_a_connection_takes_is_written_while_it_is_read() {
    let (mut line, mut far) = connected(10);
    let server = tokio::spawn(async move {
        receive(&mut far).await;
        far.write_all(FINE).await.unwrap();
        far
    });
    assert_eq!(line.exchange(REQUEST).await, Ok(()));
    assert!(line.is_ready_again());
    server.await.unwrap();
}

/// A stream that ends with an error once all of this is read.
struct Breaks(&'static [u8]);

impl AsyncRead for Breaks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let (part, left) = self.0.split_at(self.0.len().min(into.remaining()));
        into.put_slice(part);
        self.0 = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Breaks {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_reset_is_told_by_what_it_took() {
    let reset = Lost::Broke(io::ErrorKind::ConnectionReset);
    for (answer, expected) in [
        ("", Err(reset)),
        ("HTTP/1.1 200 OK\r\ncontent-le", Err(reset)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
            Err(Lost::Cut),
        ),
        ("HTTP/1.1 200 OK\r\n\r\n{}", Err(Lost::Cut)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Ok(())),
    ] {
        let mut line = Line::new(Breaks(answer.as_bytes()));
        assert_eq!(line.exchange(REQUEST).await, expected, "{answer}");
    }
}
