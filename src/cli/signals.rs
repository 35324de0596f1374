//! SIGINT and SIGTERM, in the order in which they come.

use std::{
    io,
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals that ask a process to end.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over from the default, which is to die at once.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Resolves at the first signal.
#[derive(Clone)]
pub(super) struct Stop {
    stopped: tokio::sync::watch::Receiver<bool>,
    last_words: Arc<Mutex<Vec<String>>>,
}

impl Stop {
    pub(super) async fn wait(&mut self) {
        if self.stopped.wait_for(|stopped| *stopped).await.is_err() {
            // Nobody listens for signals any more: the process is ending.
            std::future::pending::<()>().await;
        }
    }

    /// What to say when the second signal ends the process: what that leaves behind.
    pub(super) fn at_second_say(&self, words: String) {
        let all = self.last_words.lock();
        all.unwrap_or_else(PoisonError::into_inner).push(words);
    }
}

/// The first signal asks the run to drain; the second one ends the process at once.
pub(super) fn stop_on_first() -> io::Result<Stop> {
    let mut signals = Signals::listen()?;
    let (sender, stopped) = tokio::sync::watch::channel(false);
    let last_words = Arc::default();
    let stop = Stop {
        stopped,
        last_words: Arc::clone(&last_words),
    };
    tokio::spawn(async move {
        signals.next().await;
        eprintln!("interrupted: waiting 3 s for the answers under way (again to stop at once)");
        let _ = sender.send(true);
        signals.next().await;
        eprintln!("stopped at once: the run is not finished");
        let words = last_words.lock();
        for words in words.unwrap_or_else(PoisonError::into_inner).iter() {
            eprintln!("{words}");
        }
        std::process::exit(super::Exit::Interrupted as i32);
    });
    Ok(stop)
}

/// A command whose process the terminal's Ctrl-C does not reach: what it is told comes from
/// here, and once.
pub(super) fn shielded(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Asks a child to end by itself; where there is no such signal, ends it.
pub(super) fn interrupt(child: &mut Child) -> io::Result<()> {
    #[cfg(unix)]
    {
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::INT)?;
        Ok(())
    }
    #[cfg(not(unix))]
    child.kill()
}
