//! A request that is answered before all of it was read may end its connection, as the rest of it would be taken for the next
//! one. So the answer always says that it does (RFC 9112, 9.6), or the client would send its next request there.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, Response, header},
};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// A request's body that tells whether something of it is left.
pub(super) struct Watched {
    body: Incoming,
    left: Left,
}

/// Nothing for a request without a body.
#[derive(Clone)]
pub(super) struct Left(Option<Arc<AtomicBool>>);

pub(super) fn watched(request: Request<Incoming>) -> (Request<Watched>, Left) {
    let left = Left((!request.body().is_end_stream()).then(|| Arc::new(AtomicBool::new(true))));
    (request.map(|body| Watched { body, left: left.clone() }), left)
}

impl Left {
    /// Says what comes of it. What was done had no need of the rest, which is short then, and skipped.
    pub(super) fn say<B>(&self, response: &mut Response<B>) {
        if !response.status().is_success() && self.0.as_ref().is_some_and(|left| left.load(Ordering::Relaxed))
        {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(left) = self.left.0.as_ref().filter(|_| frame.is_none() || self.body.is_end_stream()) {
            left.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
