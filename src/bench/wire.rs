//! A connection that costs next to nothing: one HTTP/1.1 request at a time, bytes in and bytes out. The typed client
//! would be measured along with the server.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that is kept open.
pub(super) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(2048) })
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.send(request).await?;
        self.answer().await
    }

    pub(super) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await
    }

    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((answer, taken)) = parse(&self.read) {
                self.read.drain(..taken);
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The first whole answer, and how many bytes it took. Ours all have a length.
fn parse(read: &[u8]) -> Option<(Answer, usize)> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(Some(0), |n| n.parse().ok())?;
    let body = read.get(head..head + length)?;
    Some((Answer { status, body: body.to_vec() }, head + length))
}

/// A request that creates something at a path.
pub(super) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A request that asks for something.
pub(super) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// The value of a text field, found without reading the rest.
pub(super) fn field<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let start = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
    text[start..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let bytes = b"HTTP/1.1 202 Accepted\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 204";
        assert!((0..44).all(|length| parse(&bytes[..length]).is_none()));
        let (answer, taken) = parse(bytes).unwrap();
        assert_eq!((answer.status, &*answer.body, &bytes[taken..]), (202, &b"abc"[..], &b"HTTP/1.1 204"[..]));
    }

    #[test]
    fn a_field_is_found_in_a_body() {
        assert_eq!(field(br#"{"a":"x","run_id":"trun_1"}"#, "run_id"), Some("trun_1"));
        assert_eq!(field(b"{}", "run_id"), None);
    }
}
