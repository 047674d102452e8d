//! A wire between a member and the broker that can be cut, frozen, and spoken into.

#![expect(clippy::unwrap_used, reason = "a test whose wire breaks by itself must stop")]

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{broadcast, watch},
    task::JoinSet,
};

/// A proxy on loopback; dropping it cuts everything.
pub(crate) struct Proxy {
    pub(crate) address: String,
    frozen: Arc<watch::Sender<bool>>,
    words: broadcast::Sender<Vec<u8>>,
    wires: Arc<Mutex<JoinSet<()>>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(upstream: String) -> Self {
        Self::start_at("127.0.0.1:0", upstream).await
    }

    pub(crate) async fn start_at(address: &str, upstream: String) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (frozen, words) = (Arc::new(watch::Sender::new(false)), broadcast::channel(16).0);
        let wires = Arc::new(Mutex::new(JoinSet::new()));
        let mut accepting = JoinSet::new();
        let (ice, voice, open) = (Arc::clone(&frozen), words.clone(), Arc::clone(&wires));
        accepting.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = wire(client, upstream.clone(), ice.subscribe(), voice.subscribe());
                open.lock().unwrap().spawn(async move { drop(wire.await) });
            }
        });
        Self { address, frozen, words, wires, _accepting: accepting }
    }

    /// Cuts what is connected; new connections get through.
    pub(crate) fn cut(&self) {
        self.wires.lock().unwrap().abort_all();
    }

    /// From now on nothing gets through, and nobody is told.
    pub(crate) fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    pub(crate) fn thaw(&self) {
        self.frozen.send_replace(false);
    }

    /// As the broker does when it is short of memory: `connection.blocked`.
    pub(crate) fn say_blocked(&self) {
        self.say(&[0, 10, 0, 60, 3, b'l', b'o', b'w']);
    }

    /// And when it has memory again: `connection.unblocked`.
    pub(crate) fn say_unblocked(&self) {
        self.say(&[0, 10, 0, 61]);
    }

    /// A method frame on channel 0 (AMQP 0-9-1, 4.2.3): type, channel, size, payload, end.
    fn say(&self, method: &[u8]) {
        let size = u8::try_from(method.len()).unwrap();
        let frame = [&[1, 0, 0, 0, 0, 0, size], method, &[0xCE]].concat();
        self.words.send(frame).unwrap();
    }
}

async fn wire(
    client: TcpStream,
    upstream: String,
    frozen: watch::Receiver<bool>,
    words: broadcast::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        ended = carry(from_client, to_server, frozen.clone(), None) => ended,
        ended = carry(from_server, to_client, frozen, Some(words)) => ended,
    }
}

/// A frozen wire holds what it has read, but an end still ends it.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut frozen: watch::Receiver<bool>,
    mut words: Option<broadcast::Receiver<Vec<u8>>>,
) -> io::Result<()> {
    let (mut buffer, mut held) = ([0; 16 * 1024], Vec::new());
    let mut word = async || match &mut words {
        Some(words) => words.recv().await.unwrap(),
        None => pending().await,
    };
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read? {
                0 => return Ok(()),
                size => held.extend_from_slice(&buffer[..size]),
            },
            word = word() => to.write_all(&word).await?,
            _ = frozen.changed() => {}
        }
        if !*frozen.borrow_and_update() {
            to.write_all(&std::mem::take(&mut held)).await?;
        }
    }
}
