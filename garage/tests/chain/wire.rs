//! A wire between a service and a server that a test can cut and mend: connections through it break at once, and new ones
//! are refused until it is mended.

#![expect(clippy::expect_used, reason = "a test that cannot go on must stop, and say why")]

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub(crate) struct Wire {
    near: SocketAddr,
    far: String,
    cut: CancellationToken,
    ended: Option<tokio::task::JoinHandle<()>>,
}

impl Wire {
    /// A wire to `far`, as `host:port`; nothing passes before it is mended.
    pub(crate) async fn to(far: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = listener.local_addr().expect("its address");
        Self { near, far: far.into(), cut: CancellationToken::new(), ended: None }
    }

    pub(crate) fn near(&self) -> SocketAddr {
        self.near
    }

    pub(crate) async fn mend(&mut self) {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an address that was used before");
        socket.bind(self.near).expect("the same port again");
        let listener = socket.listen(128).expect("listening");
        self.cut = CancellationToken::new();
        let (cut, far) = (self.cut.clone(), self.far.clone());
        self.ended = Some(tokio::spawn(async move {
            let _ = cut.run_until_cancelled(carry(listener, far)).await;
        }));
    }

    /// Every connection ends, and nobody listens any more.
    pub(crate) async fn cut(&mut self) {
        self.cut.cancel();
        if let Some(ended) = self.ended.take() {
            ended.await.expect("a wire ends");
        }
    }
}

/// Dropping this ends every connection.
async fn carry(listener: TcpListener, far: String) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let far = far.clone();
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(far).await {
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
