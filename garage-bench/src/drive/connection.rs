//! A kept connection to one service: as little of an HTTP/1.1 client as the services' answers need. They always say
//! how long they are, so there are no chunks here; anything else is an error that names what came.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// Servers drop connections that rest for long; do not gamble with one.
const RESTED: Duration = Duration::from_millis(2500);
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Headers of an answer.
const MOST_HEADERS: usize = 32;

pub(super) struct Connection {
    /// `host:port`.
    address: String,
    authorization: String,
    stream: Option<TcpStream>,
    used: Instant,
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// What came back.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

/// Where an answer's body lies in what was received.
struct Extent {
    status: u16,
    body: std::ops::Range<usize>,
    keep: bool,
}

impl Connection {
    pub(super) fn new(url: &str, token: &str) -> Self {
        Self {
            address: url.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            authorization: token.to_owned(),
            stream: None,
            used: Instant::now(),
            sent: Vec::with_capacity(2048),
            received: Vec::with_capacity(16 * 1024),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What went wrong with the connection, in a word or two.
    pub(super) fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Answer<'_>, String> {
        if self.used.elapsed() > RESTED {
            self.stream = None;
        }
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        self.write_request(method, path, body);
        stream.write_all(&self.sent).map_err(|error| format!("write: {}", error.kind()))?;
        let extent = self.receive(&mut stream)?;
        self.used = Instant::now();
        self.stream = extent.keep.then_some(stream);
        Ok(Answer { status: extent.status, body: &self.received[extent.body] })
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let failed = |error: std::io::Error| format!("connect: {}", error.kind());
        let stream = TcpStream::connect(&self.address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(stream)
    }

    fn write_request(&mut self, method: &str, path: &str, body: Option<&str>) {
        let (host, token) = (&self.address, &self.authorization);
        self.sent.clear();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n");
        self.sent.extend_from_slice(head.as_bytes());
        match body {
            Some(body) => {
                let rest =
                    format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                self.sent.extend_from_slice(rest.as_bytes());
            }
            None if method == "GET" => self.sent.extend_from_slice(b"\r\n"),
            None => self.sent.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
        }
    }

    fn receive(&mut self, stream: &mut TcpStream) -> Result<Extent, String> {
        self.received.clear();
        let mut chunk = [0; 16 * 1024];
        let mut known = None;
        loop {
            if known.is_none() {
                known = extent(&self.received)?;
            }
            if let Some(extent) = known.take_if(|extent| extent.body.end <= self.received.len()) {
                return Ok(extent);
            }
            match stream.read(&mut chunk).map_err(|error| format!("read: {}", error.kind()))? {
                0 => return Err("closed".to_owned()),
                read => self.received.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

/// Reads the head, once it is complete.
fn extent(received: &[u8]) -> Result<Option<Extent>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(received).map_err(|error| format!("no HTTP: {error}"))? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let length = match header("content-length") {
        Some(length) => length.trim().parse().map_err(|_| format!("content-length {length}"))?,
        None if matches!(status, 204 | 304) => 0,
        None => return Err("an answer without a length".to_owned()),
    };
    let keep = !header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Extent { status, body: head..head + length, keep }))
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, net::TcpListener};

    use super::*;

    /// A server that gives these answers, one per request, over one connection.
    fn serving(answers: &'static [&'static str]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let (mut requests, mut stream) = (std::io::BufReader::new(stream.try_clone().unwrap()), stream);
            for answer in answers {
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    requests.read_line(&mut line).unwrap();
                }
                // In two pieces, as a network may deliver them.
                let (one, two) = answer.split_at(answer.len() / 2);
                stream.write_all(one.as_bytes()).unwrap();
                stream.write_all(two.as_bytes()).unwrap();
            }
        });
        Connection::new(&url, "token")
    }

    #[test]
    fn answers_come_one_after_the_other_over_one_connection() {
        let mut connection = serving(&[
            "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        ]);
        let answer = connection.call("POST", "/", None).unwrap();
        assert_eq!((answer.status, answer.body), (201, &b"hello"[..]));
        assert_eq!(connection.call("GET", "/", None).unwrap().status, 404);
    }

    #[test]
    fn an_answer_that_does_not_say_how_long_it_is_is_an_error() {
        let mut connection = serving(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]);
        assert_eq!(connection.call("GET", "/", None).err().unwrap(), "an answer without a length");
    }

    #[test]
    fn an_answer_that_breaks_off_is_an_error() {
        let mut connection = serving(&["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel"]);
        assert_eq!(connection.call("GET", "/", None).err().unwrap(), "closed");
    }
}
