//! HTTP by hand: what no SDK sends, and every byte of the answer.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Far beyond what an answer takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// `__type` without its namespace.
    pub fn error(&self) -> String {
        let body = self.json();
        let kind = body["__type"].as_str().expect("an error has a type");
        kind.rsplit('#').next().expect("never empty").to_owned()
    }

    pub fn message(&self) -> String {
        let body = self.json();
        body["message"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("http://").expect("plain HTTP")
}

/// Sends `request` as it stands and reads one answer.
pub async fn exchange(endpoint: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address(endpoint))
        .await
        .expect("it listens");
    // A server that refuses may close before it has read everything.
    let _ = stream.write_all(request).await;
    read_answer(&mut stream).await.expect("an answer")
}

/// `None` when the connection was closed instead.
pub async fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    timeout(PATIENCE, async {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Some(answer) = parse(&bytes) {
                return Some(answer);
            }
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
        }
    })
    .await
    .expect("an answer or an end in time")
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("text");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Answer {
        status,
        headers,
        body,
    })
}

/// A request for `operation`; `headers` end with `\r\n` each.
pub fn request(host: &str, operation: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Calls `operation` as a well-behaved client does.
pub async fn call(endpoint: &str, operation: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let request = request(address(endpoint), operation, "", body.as_bytes());
    exchange(endpoint, &request).await
}
