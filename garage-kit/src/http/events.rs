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

/// The messages that pass `filter`: their id, their topic as the event's name, their body as its data.
pub fn events(
    watched: Receiver<Arc<Message>>,
    filter: impl Fn(&Message) -> bool + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static> {
    let stream = stream::unfold((watched, filter, shutdown), |(mut watched, filter, shutdown)| async move {
        let message = next(&mut watched, &filter, &shutdown).await?;
        Some((Ok(event(&message)), (watched, filter, shutdown)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

async fn next(
    watched: &mut Receiver<Arc<Message>>,
    filter: &impl Fn(&Message) -> bool,
    shutdown: &CancellationToken,
) -> Option<Arc<Message>> {
    loop {
        let message = shutdown.run_until_cancelled(watched.recv()).await?.ok()?;
        if filter(&message) {
            return Some(message);
        }
    }
}

fn event(message: &Message) -> Event {
    Event::default().id(message.id.to_string()).event(&message.topic).data(&message.body)
}
