//! How much is taken at a time.

use std::time::Duration;

/// Bounds of the API. What lies beyond is refused, with a problem document that says which bound it was.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that are open at the same time. The one that has had no request in hand for longest makes room for the next one,
    /// which waits while all have one.
    pub connections: usize,
    /// Bytes of the head of a request.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub head_time: Duration,
    /// Bytes of a body, and of what is in it when it is compressed.
    pub body_bytes: usize,
    /// How long a body may pause.
    pub body_pause: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// Bytes of all bodies that are being read, or wait to be taken in.
    pub held_bytes: usize,
    /// Records of a request.
    pub records: usize,
    /// Of these, such as cannot become records.
    pub dead: usize,
    /// How long a request may wait for signatures.
    pub wait: Duration,
    /// Requests to one run that wait to be taken in.
    pub queue: usize,
    /// Streams of events that are open at the same time.
    pub streams: usize,
    /// How long one lasts: then its client asks for the next one, and shows that it still may.
    pub stream_time: Duration,
    /// How long a client may take nothing of an answer.
    pub answer_pause: Duration,
}

impl Limits {
    /// What a program may open beside connections: those to the database, and what it starts.
    const OTHER_FILES: usize = 256;

    /// The same for a program that may have so many files open: more connections than that could only be refused by the system.
    #[must_use]
    pub fn within(self, files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let most = files.saturating_sub(Self::OTHER_FILES).max(files / 2).max(1);
        Self { connections: self.connections.min(most), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_240,
            head_bytes: 16 * 1024,
            headers: 64,
            head_time: Duration::from_secs(30),
            body_bytes: 8 << 20,
            body_pause: Duration::from_secs(10),
            body_time: Duration::from_secs(120),
            held_bytes: 32 << 20,
            records: 10_000,
            dead: 1_000,
            wait: Duration::from_secs(60),
            queue: 4_096,
            streams: 256,
            stream_time: Duration::from_secs(600),
            answer_pause: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_connections_than_files() {
        let limits = Limits::default();
        assert_eq!(limits.within(1 << 20).connections, limits.connections);
        assert_eq!(limits.within(1_024).connections, 768);
        assert_eq!(limits.within(100).connections, 50);
        assert_eq!(limits.within(0).connections, 1);
    }
}
