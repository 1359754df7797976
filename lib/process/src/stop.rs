//! Being asked to stop.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;
use crate::standard_error::flush_lines;

/// Tells, at any place and at no cost, whether the process has been asked to stop, and until when
/// work in hand may still be finished.
#[derive(Clone, Debug)]
pub struct Stop {
    sender: Arc<watch::Sender<bool>>,
    deadline: Arc<OnceLock<Instant>>,
    grace: Duration,
}

impl Stop {
    /// Nothing asks to stop but [`Stop::now`]. Work in hand may go on for `grace` after it.
    #[must_use]
    pub fn never(grace: Duration) -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)), deadline: Arc::default(), grace }
    }

    /// SIGTERM, SIGINT and SIGHUP ask to stop. A second one ends the process at once.
    ///
    /// # Errors
    ///
    /// When the handlers cannot be installed. Needs a tokio runtime.
    pub fn on_signals(grace: Duration) -> io::Result<Self> {
        let stop = Self::never(grace);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let asked = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                    _ = hangup.recv() => "SIGHUP",
                };
                if asked.is_asked() {
                    tracing::warn!(signal = name, "asked to stop again: ending at once");
                    flush_lines();
                    std::process::exit(Exit::Interrupted.code().into());
                }
                tracing::info!(signal = name, "asked to stop");
                asked.now();
            }
        });
        Ok(stop)
    }

    /// The end of standard input asks to stop: then the process that started this one is gone. It is waited for on a
    /// thread of its own, which ends with the process: a read from standard input cannot be cancelled, so a runtime
    /// would wait for it.
    pub fn with_standard_input(&self) {
        let stop = self.clone();
        std::thread::spawn(move || {
            // An error says the same as the end.
            let _copied = io::copy(&mut io::stdin(), &mut io::sink());
            stop.now();
        });
    }

    /// Asks to stop.
    pub fn now(&self) {
        self.deadline.get_or_init(|| Instant::now() + self.grace);
        self.sender.send_replace(true);
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.deadline.get().is_some()
    }

    /// Whether somebody asked to stop so long ago that work in hand has to be given back.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }

    /// Waits until somebody asks to stop.
    pub async fn asked(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`: waiting cannot fail.
        let _still_open = receiver.wait_for(|asked| *asked).await;
    }
}
