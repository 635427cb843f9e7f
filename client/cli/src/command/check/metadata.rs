//! Whether a cloud's metadata service answers. No more is asked of it, and of what it says the status alone is looked at:
//! it may hand out credentials.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Link-local: no router passes it on.
pub(super) const ADDRESS: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 80));

/// For one service, from the connection to its status.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    service: &'static str,
    answered: bool,
}

/// EC2's by IMDSv2: a token that nobody will use, for as short a time as can be asked for. Azure's by its list of versions.
const SERVICES: [(&str, &str); 2] = [
    (
        "ec2",
        "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 1\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
    ),
    (
        "azure",
        "GET /metadata/versions HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\nConnection: close\r\n\r\n",
    ),
];

impl Answer {
    /// For people.
    pub(super) fn line(&self) -> String {
        let verb = if self.answered {
            "answers"
        } else {
            "does not answer"
        };
        format!("metadata service of {}: {verb}", self.service)
    }
}

pub(super) async fn ask(address: SocketAddr, patience: Duration) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (service, question) in SERVICES {
        let asked = timeout(patience, is_ok(address, question)).await;
        let answered = matches!(asked, Ok(Ok(true)));
        answers.push(Answer { service, answered });
    }
    answers
}

/// Whether it answers with status 200.
async fn is_ok(address: SocketAddr, question: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(question.as_bytes()).await?;
    let mut status = [0; 13];
    stream.read_exact(&mut status).await?;
    Ok(matches!(&status, b"HTTP/1.1 200 " | b"HTTP/1.0 200 "))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A service that gives these answers to a request that begins so, and 404 to others.
    fn serve(start: &'static str, answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.push(byte[0]);
                }
                let answer = match asked.starts_with(start.as_bytes()) {
                    true => answer,
                    false => "HTTP/1.1 404 Not Found\r\n\r\n",
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    async fn answered(address: SocketAddr) -> Vec<(&'static str, bool)> {
        let answers = ask(address, Duration::from_millis(500)).await;
        let pairs = answers.into_iter();
        pairs
            .map(|answer| (answer.service, answer.answered))
            .collect()
    }

    #[tokio::test]
    async fn the_service_that_answers_is_told_from_others() {
        let ec2 = serve("PUT /latest/api/token ", "HTTP/1.1 200 OK\r\n\r\ntoken");
        assert_eq!(answered(ec2).await, [("ec2", true), ("azure", false)]);
        let azure = serve("GET /metadata/versions ", "HTTP/1.1 200 OK\r\n\r\n{}");
        assert_eq!(answered(azure).await, [("ec2", false), ("azure", true)]);
        // IMDSv2 turned off, a proxy's page, garbage, too little.
        for other in [
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "SSH-2.0-OpenSSH_9.9\r\n",
            "HTTP/1.1",
        ] {
            let address = serve("", other);
            assert_eq!(
                answered(address).await,
                [("ec2", false), ("azure", false)],
                "{other}"
            );
        }
    }

    #[tokio::test]
    async fn a_service_that_is_silent_or_away_does_not_answer() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let none = [("ec2", false), ("azure", false)];
        let address = silent.local_addr().unwrap();
        let patience = Duration::from_millis(50);
        assert_eq!(ask(address, patience).await.len(), 2);
        assert!(
            ask(address, patience)
                .await
                .iter()
                .all(|answer| !answer.answered)
        );
        drop(silent);
        assert_eq!(answered(address).await, none);
    }
}
