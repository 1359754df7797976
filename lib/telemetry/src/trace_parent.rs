//! Carrying a trace from one process into another.

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The environment variable that hands a parent to a process (OpenTelemetry, "Environment Variables
/// as Context Propagation Carriers").
const VARIABLE: &str = "TRACEPARENT";

/// A span of another process, as the parent of one's own: the `traceparent` of W3C Trace Context
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>), which is also its text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no W3C traceparent; one looks like 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
pub struct BadTraceParent;

impl TraceParent {
    /// A sampled span. None when either id is all zeros, which the specification forbids.
    #[must_use]
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8]) -> Option<Self> {
        Self::of(TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id), true)
    }

    /// The one trace that belongs to an object, for as long as it lives: whoever knows the object's
    /// UUID derives the same, so that all that is done for the object, by whatever process, is one
    /// trace. Its parent span is never sent itself. None for the nil UUID, and for few others.
    ///
    /// The trace's id is the UUID with its halves exchanged. Samplers look at the end of an id and take
    /// it to be random (W3C Trace Context, "Random trace-id flag"); in a UUID, the second half begins
    /// with bits that are always the same.
    #[must_use]
    pub fn of_object(uid: [u8; 16]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = uid;
        Self::new([i, j, k, l, m, n, o, p, a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p])
    }

    /// The span in whose scope this is called. None while no traces are sent.
    #[must_use]
    pub fn current() -> Option<Self> {
        let context = Span::current().context();
        let span = context.span();
        let span = span.span_context();
        Self::of(span.trace_id(), span.span_id(), span.is_sampled())
    }

    /// The parent that `TRACEPARENT` in the environment names. None when it is not set, or no
    /// `traceparent`.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty())?;
        match text.parse() {
            Ok(parent) => Some(parent),
            Err(error) => {
                tracing::warn!("TRACEPARENT is ignored: {error}");
                None
            }
        }
    }

    /// Makes the span a child of this one. To be called before the span is entered, and before it has
    /// children; does nothing while no traces are sent.
    pub fn adopt(self, span: &Span) {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let parent = SpanContext::new(self.trace, self.span, flags, true, TraceState::default());
        // The one error that can be met is that nothing listens for spans.
        let _disabled = span.set_parent(Context::new().with_remote_span_context(parent));
    }

    fn of(trace: TraceId, span: SpanId, sampled: bool) -> Option<Self> {
        (trace != TraceId::INVALID && span != SpanId::INVALID).then_some(Self { trace, span, sampled })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = BadTraceParent;

    fn from_str(text: &str) -> Result<Self, BadTraceParent> {
        let lower_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<&str> = text.split('-').filter(lower_hex).collect();
        // A later version may append parts, and must keep the first four as they are.
        let [version, trace, span, flags, more @ ..] = parts.as_slice() else { return Err(BadTraceParent) };
        let known = *version != "ff" && (*version != "00" || more.is_empty());
        let sizes = [version.len(), trace.len(), span.len(), flags.len()];
        if !known || sizes != [2, 32, 16, 2] || parts.len() != text.split('-').count() {
            return Err(BadTraceParent);
        }
        let trace = TraceId::from_hex(trace).map_err(|_| BadTraceParent)?;
        let span = SpanId::from_hex(span).map_err(|_| BadTraceParent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| BadTraceParent)?;
        Self::of(trace, span, flags & 1 == 1).ok_or(BadTraceParent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_reads_back_as_it_was_written() {
        let parent: TraceParent = EXAMPLE.parse().expect("the specification's own example");
        assert_eq!(parent.to_string(), EXAMPLE);
        let not_sampled = EXAMPLE.replace("-01", "-00");
        assert_eq!(not_sampled.parse::<TraceParent>().expect("well formed").to_string(), not_sampled);
    }

    #[test]
    fn a_later_version_may_say_more_and_version_0_may_not() {
        let later = format!("01{}-ab", &EXAMPLE[2..]);
        assert_eq!(later.parse::<TraceParent>().expect("a later version").to_string(), EXAMPLE);
        assert_eq!(format!("{EXAMPLE}-ab").parse::<TraceParent>(), Err(BadTraceParent));
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for text in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-xx-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\u{e9}-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(BadTraceParent), "{text}");
        }
    }

    #[test]
    fn an_object_has_one_trace_and_nothing_has_none() {
        let uid = *b"0123456789abcdef";
        let parent = TraceParent::of_object(uid).expect("a UUID");
        assert_eq!(parent, TraceParent::of_object(uid).expect("the same UUID"));
        assert_eq!(parent.to_string(), "00-38396162636465663031323334353637-3839616263646566-01");
        assert_eq!(TraceParent::of_object([0; 16]), None);
    }

    #[test]
    fn without_a_collector_there_is_no_current_span_and_adopting_does_nothing() {
        let span = tracing::info_span!("alone");
        EXAMPLE.parse::<TraceParent>().expect("well formed").adopt(&span);
        assert_eq!(span.in_scope(TraceParent::current), None);
    }
}
