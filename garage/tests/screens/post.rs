//! A mail server on loopback that keeps what it takes, and that a test can have refuse or be away.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use garage_kit::program::Env;
use garage_web::Settings;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Duration, timeout},
};

/// How long a mail that must come may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The user's password in the address of the server.
pub(crate) const PASSWORD: &str = "hush-mail-password";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// Closes every connection.
    Away,
    /// Knows nobody of that name.
    Refuses,
    /// Does not believe the password.
    Forgetful,
}

pub(crate) struct Post {
    address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    taken: watch::Receiver<Vec<String>>,
}

impl Post {
    pub(crate) async fn open(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, (taking, taken)) = (Arc::new(Mutex::new(mood)), watch::channel(Vec::new()));
        let now = Arc::clone(&mood);
        tokio::spawn(async move {
            let taking = Arc::new(taking);
            while let Ok((connection, _)) = listener.accept().await {
                let mood = *now.lock().unwrap();
                tokio::spawn(talk(connection, mood, Arc::clone(&taking)));
            }
        });
        Self { address, mood, taken }
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// A shop that writes by this server, and tries again at once.
    pub(crate) fn settings(&self) -> Settings {
        let url = format!("smtp://oficina:{PASSWORD}@{}", self.address);
        let mut settings = Settings::from_env(&Env::fixed(&[
            ("PUBLIC_URL", "http://shop.example"),
            ("SHOP_NAME", "Oficina do Zé"),
            ("SMTP_URL", &url),
            ("SMTP_FROM", "Oficina do Zé <oficina@shop.example>"),
        ]))
        .unwrap();
        settings.mail.as_mut().unwrap().pause = Duration::from_millis(20);
        settings
    }

    /// All that was taken, once there are so many.
    pub(crate) async fn taken(&self, count: usize) -> Vec<String> {
        let mut taken = self.taken.clone();
        let all = timeout(PATIENCE, taken.wait_for(|all| all.len() >= count)).await;
        all.unwrap_or_else(|_| panic!("{count} mails never come: {:?}", self.taken.borrow())).unwrap().clone()
    }
}

/// One connection, as RFC 5321 has it.
async fn talk(connection: TcpStream, mood: Mood, taking: Arc<watch::Sender<Vec<String>>>) {
    if mood == Mood::Away {
        return;
    }
    let (reader, mut writer) = connection.into_split();
    let mut lines = BufReader::new(reader).lines();
    let _ = writer.write_all(b"220 post.example\r\n").await;
    let mut envelope = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match (word.as_str(), mood) {
            ("EHLO", _) => "250-post.example\r\n250 AUTH PLAIN",
            ("AUTH", Mood::Forgetful) => "535 5.7.8 who are you",
            ("AUTH", _) => "235 welcome",
            ("RCPT", Mood::Refuses) => "550 5.1.1 nobody of that name here",
            ("QUIT", _) => "221 bye",
            ("DATA", _) => {
                let _ = writer.write_all(b"354 go on\r\n").await;
                let mut mail = std::mem::take(&mut envelope);
                while let Ok(Some(line)) = lines.next_line().await
                    && line != "."
                {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taking.send_modify(|all| all.push(mail));
                "250 taken"
            }
            _ => {
                envelope.push_str(&line);
                envelope.push('\n');
                "250 ok"
            }
        };
        let _ = writer.write_all(format!("{answer}\r\n").as_bytes()).await;
    }
}

/// A mail's text, whose lines were folded and whose letters were written as `=C3`.
pub(crate) fn readable(mail: &str) -> String {
    let joined = mail.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, more @ ..] = rest {
        let code =
            more.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code.filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
