//! A connection with its socket in hand. lapin gives no way to let go of a socket on which the broker has
//! gone silent: a farewell that is never answered, or a handshake, would keep it and its thread for ever.

use std::{
    io,
    net::{Shutdown, TcpStream},
    sync::{Arc, OnceLock},
    time::Duration,
};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties, runtime::default_runtime, tcp::TLSConfig,
    uri::AMQPScheme,
};
use tokio::{net::lookup_host, time::timeout};

use super::{address::Address, refused};
use crate::Failure;

/// For the name, the socket and the broker's greeting.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the broker's good-bye.
const FAREWELL: Duration = Duration::from_secs(2);

/// An open connection.
pub(super) struct Line {
    pub(super) connection: Connection,
    grip: Grip,
}

impl Line {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// With what the network or the broker said.
    pub(super) async fn connect(address: &Address, name: &str) -> Result<Self, Failure> {
        let grip = Grip::default();
        let connecting = timeout(HANDSHAKE, shake_hands(address, name, grip.0.clone())).await;
        let connected =
            connecting.map_err(|_| Failure::passing("connecting", "the broker did not answer in time"))?;
        let connection = connected.map_err(|cause| refused("connecting", &cause, cause.to_string()))?;
        Ok(Self { connection, grip })
    }

    /// Says good-bye; a broker that does not answer is left.
    pub(super) async fn close(&self) {
        let _ = timeout(FAREWELL, self.connection.close(200, "OK".into())).await;
        self.grip.let_go();
    }
}

/// lapin's own recovery stays off: it hides losses and ends by giving up.
async fn shake_hands(address: &Address, name: &str, socket: Socket) -> lapin::Result<Connection> {
    let (uri, authorities) = (address.uri(), address.authorities());
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connector(
        uri,
        default_runtime()?,
        async move |uri, runtime| {
            let addresses = lookup_host((uri.authority.host.as_str(), uri.authority.port)).await?;
            let stream = AsyncTcpStream::connect(&runtime, addresses.collect::<Vec<_>>()).await?;
            if let AsyncTcpStream::Plain(plain) = &stream {
                socket.hold(plain.get_ref())?;
            }
            match uri.scheme {
                AMQPScheme::AMQP => Ok(stream),
                AMQPScheme::AMQPS => {
                    let trusted = TLSConfig { cert_chain: authorities.as_deref(), ..TLSConfig::default() };
                    Ok(stream.into_tls(&uri.authority.host, trusted).await?)
                }
            }
        },
        properties,
    )
    .await
}

/// A second handle on a connection's socket.
#[derive(Clone, Default)]
struct Socket(Arc<OnceLock<TcpStream>>);

impl Socket {
    #[cfg(unix)]
    fn hold(&self, stream: &impl std::os::fd::AsFd) -> io::Result<()> {
        let _ = self.0.set(stream.as_fd().try_clone_to_owned()?.into());
        Ok(())
    }

    #[cfg(windows)]
    fn hold(&self, stream: &impl std::os::windows::io::AsSocket) -> io::Result<()> {
        let _ = self.0.set(stream.as_socket().try_clone_to_owned()?.into());
        Ok(())
    }
}

/// A hold on a socket, which ends with it, also in the middle of a handshake.
#[derive(Default)]
struct Grip(Socket);

impl Grip {
    /// Ends both directions, whatever either side waits for.
    fn let_go(&self) {
        if let Some(stream) = self.0.0.get() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        self.let_go();
    }
}
