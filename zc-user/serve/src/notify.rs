//! What the service manager is informed of, where one started `zc` (systemd's `sd_notify`).

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

/// Informs the service manager. Without one, nothing happens.
#[derive(Debug)]
pub struct Notifier {
    /// How often it wants to hear of a service that is well.
    every: Option<Duration>,
    last: Instant,
}

impl Default for Notifier {
    fn default() -> Self {
        // Half of the time after which it kills the service, as its manual has it.
        let every = sd_notify::watchdog_enabled().map(|time| time / 2);
        Self { every, last: Instant::now() }
    }
}

impl Notifier {
    /// Everything can be served now; `status` says where.
    pub fn ready(&self, status: &str) {
        say(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Called a few times a second; `is_healthy`: whether the service is well.
    pub fn tend(&mut self, is_healthy: bool) {
        if is_healthy && self.every.is_some_and(|every| self.last.elapsed() >= every) {
            self.last = Instant::now();
            say(&[NotifyState::Watchdog]);
        }
    }

    /// The service ends.
    pub fn stopping(&self) {
        say(&[NotifyState::Stopping]);
    }
}

fn say(states: &[NotifyState<'_>]) {
    // A manager that does not listen is no reason to stop.
    let _ = sd_notify::notify(states);
}
