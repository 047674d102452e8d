//! Traces by W3C Trace Context: one trace per conversation. Whose trace nobody has begun is known all the same: the trace
//! is the conversation's id, the span that told a message is the second half of the message's id. So nothing is stored
//! for it and nothing is asked, every replica and every restart says the same, and a saga of days is one trace. Only a
//! caller's own trace, sent along as `traceparent`, has to travel beside a message.
//!
//! Spans are made only where a collector is configured ([`export`]); without one the price is to look whether it is.

use std::{cell::Cell, fmt, future::Future, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub mod export;

pub use export::{Kind, Span, is_on, record};

/// The header, in HTTP and AMQP alike.
pub const TRACEPARENT: &str = "traceparent";

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceContext {
    /// The trace; never 0.
    pub trace: u128,
    /// The span in it; never 0.
    pub span: u64,
    /// Whether the caller records it.
    pub sampled: bool,
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a traceparent by W3C Trace Context, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)]
pub struct NotAContext;

impl TraceContext {
    /// Where a message was told whose conversation has no other trace.
    #[must_use]
    pub const fn of(conversation: Uuid, message: Uuid) -> Self {
        Self { trace: conversation.as_u128(), span: span_of(message), sampled: true }
    }

    /// Where this message was told, in the same trace.
    #[must_use]
    pub const fn at(self, message: Uuid) -> Self {
        Self { span: span_of(message), ..self }
    }

    /// Whether it is the trace that anybody would take for this conversation's.
    #[must_use]
    pub const fn is_of(&self, conversation: Uuid) -> bool {
        self.sampled && self.trace == conversation.as_u128()
    }

    /// The trace's id as it is written.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

/// The random half of an id, which is never 0: it begins with the two bits of its variant (RFC 9562).
const fn span_of(message: Uuid) -> u64 {
    message.as_u64_pair().1
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.to_string()
    }
}

impl TryFrom<String> for TraceContext {
    type Error = NotAContext;

    fn try_from(text: String) -> Result<Self, NotAContext> {
        text.parse()
    }
}

impl FromStr for TraceContext {
    type Err = NotAContext;

    /// A later version is read as far as this one goes, as the recommendation wants it.
    fn from_str(text: &str) -> Result<Self, NotAContext> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            parts.next().filter(|part| part.len() == length && part.bytes().all(hex)).ok_or(NotAContext)
        };
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version == "ff" || version == "00" && parts.next().is_some() {
            return Err(NotAContext);
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| NotAContext)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| NotAContext)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotAContext)?;
        if trace == 0 || span == 0 {
            return Err(NotAContext);
        }
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

/// A fresh span's id, or 0 when nobody will ask for it.
#[must_use]
pub fn fresh_span() -> u64 {
    if is_on() { rand::random::<u64>() | 1 } else { 0 }
}

/// A request at hand: where it comes from, and which conversation it turned out to be about.
pub(crate) struct Request {
    incoming: Option<TraceContext>,
    span: u64,
    conversation: Cell<Option<Uuid>>,
}

/// What was learned of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learned {
    pub(crate) incoming: Option<TraceContext>,
    pub(crate) conversation: Option<Uuid>,
    pub(crate) span: u64,
}

impl Learned {
    /// Where the request stands: in its caller's trace, or in its conversation's, or in none.
    pub(crate) fn context(&self) -> Option<TraceContext> {
        let own = |conversation: Uuid| TraceContext {
            trace: conversation.as_u128(),
            span: self.span,
            sampled: true,
        };
        let inherited = self.incoming.map(|incoming| TraceContext { span: self.span, ..incoming });
        inherited.or_else(|| self.conversation.map(own))
    }
}

tokio::task_local! {
    static REQUEST: Request;
}

/// Handles a request that came with this `traceparent`, if with any.
pub(crate) async fn handle<T>(
    incoming: Option<TraceContext>,
    handling: impl Future<Output = T>,
) -> (T, Learned) {
    let request = Request { incoming, span: fresh_span(), conversation: Cell::new(None) };
    let handled = async {
        let answer = handling.await;
        (answer, REQUEST.with(Request::learned))
    };
    REQUEST.scope(request, handled).await
}

/// Work for a task of its own that still belongs to the request at hand.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let request =
        REQUEST.try_with(|request| Request { conversation: request.conversation.clone(), ..*request });
    async move {
        match request {
            Ok(request) => REQUEST.scope(request, work).await,
            Err(_) => work.await,
        }
    }
}

impl Request {
    fn learned(&self) -> Learned {
        Learned { incoming: self.incoming, conversation: self.conversation.get(), span: self.span }
    }
}

/// Says what the request at hand is about, for its log and its trace; answers where what it causes is told. `None`
/// outside of a request.
pub fn about(conversation: Uuid) -> Option<TraceContext> {
    let learned = REQUEST.try_with(|request| {
        request.conversation.set(Some(conversation));
        request.learned()
    });
    learned.ok().and_then(|learned| learned.context())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_read_as_it_is_written() {
        let context: TraceContext = CALLER.parse().unwrap();
        assert_eq!(context.to_string(), CALLER);
        let quiet = CALLER.replace("-01", "-00");
        assert_eq!(quiet.parse::<TraceContext>().map(|context| context.sampled), Ok(false));
        assert!(format!("01{}-more", &CALLER[2..]).parse::<TraceContext>().is_ok());
    }

    #[test]
    fn what_is_no_context_is_none() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b77-01",
        ] {
            assert_eq!(wrong.parse::<TraceContext>(), Err(NotAContext), "{wrong}");
        }
    }

    #[test]
    fn a_conversation_without_a_trace_is_its_own() {
        let (conversation, message) = (Uuid::from_u128(7), Uuid::from_u128(0x8000_0000_0000_0009));
        let context = TraceContext::of(conversation, message);
        assert_eq!(context.to_string(), "00-00000000000000000000000000000007-8000000000000009-01");
        assert!(context.is_of(conversation) && !context.is_of(message));
    }

    #[tokio::test]
    async fn a_request_stands_in_its_callers_trace_or_in_its_conversations_own() {
        let caller: TraceContext = CALLER.parse().unwrap();
        let about_seven = || async { about(Uuid::from_u128(7)).map(|context| context.trace) };
        assert_eq!(handle(Some(caller), about_seven()).await.0, Some(caller.trace));
        let (trace, learned) = handle(None, about_seven()).await;
        assert_eq!((trace, learned.conversation), (Some(7), Some(Uuid::from_u128(7))));
        assert_eq!(about_seven().await, None);
        assert!(handle(None, async {}).await.1.context().is_none());
    }
}
