//! Server-sent events: what this process publishes, as it is committed. A stream ends when the program stops
//! and when its reader is too slow; a reader that comes back reads the present state and watches on.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use crate::store::Message;

/// Shorter than the idle limits of common proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The messages of which `shown` gives something: their id, their topic as the event's name, and what was given, a body
/// or as much of it as the reader may see, as its data.
pub fn events(
    watched: Receiver<Arc<Message>>,
    shown: impl Fn(&Message) -> Option<String> + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static> {
    let stream = stream::unfold((watched, shown, shutdown), |(mut watched, shown, shutdown)| async move {
        let event = next(&mut watched, &shown, &shutdown).await?;
        Some((Ok(event), (watched, shown, shutdown)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

async fn next(
    watched: &mut Receiver<Arc<Message>>,
    shown: &impl Fn(&Message) -> Option<String>,
    shutdown: &CancellationToken,
) -> Option<Event> {
    loop {
        let message = shutdown.run_until_cancelled(watched.recv()).await?.ok()?;
        if let Some(body) = shown(&message) {
            return Some(Event::default().id(message.id.to_string()).event(&message.topic).data(body));
        }
    }
}
