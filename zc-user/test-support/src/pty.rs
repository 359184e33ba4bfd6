//! A terminal for one program: what it writes can be waited for, keys can be pressed.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Instant,
};

use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

use crate::zc::{ZC, deadline, with_default_signals};

/// Both ends of a pseudo-terminal.
pub struct Pty {
    keys: File,
    /// The program's end: kept, so that its settings can be looked at after the program.
    end: OwnedFd,
    chunks: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Pty {
    pub fn open(columns: u16, rows: u16) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let end = ioctl_tiocgptpeer(&keys, flags).unwrap();
        // By default a terminal throws away, at Ctrl-C, what nothing has read from it yet: on a busy machine
        // that would be the last words of the program.
        let mut settings = tcgetattr(&end).unwrap();
        settings.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&end, OptionalActions::Now, &settings).unwrap();
        let keys = File::from(keys);
        let mut screen = keys.try_clone().unwrap();
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 65536];
            // An error (EIO) when the last user of the other end has gone.
            while let Ok(length @ 1..) = screen.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let pty = Self { keys, end, chunks, seen: Vec::new() };
        pty.resize(columns, rows);
        pty
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keys, size).unwrap();
    }

    /// `zc` with these words, in a session whose terminal this is.
    pub fn spawn(&self, words: &[&str]) -> Child {
        self.spawn_with(words, &[])
    }

    pub fn spawn_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Child {
        let end = || self.end.try_clone().unwrap();
        // setsid replaces itself: the child's id is that of zc.
        let mut command = Command::new("setsid");
        with_default_signals(&mut command);
        command
            .args(["--ctty", &*ZC])
            .args(words)
            .env("RUST_BACKTRACE", "1")
            .env("TERM", "xterm-256color")
            // Not the settings of the user who runs the tests.
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap()
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until `text` has been written since the last wait; returns all up to there.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + deadline();
        loop {
            if let Some(at) = self.seen.windows(text.len()).position(|part| part == text.as_bytes())
            {
                let rest = self.seen.split_off(at + text.len());
                let before = std::mem::replace(&mut self.seen, rest);
                return String::from_utf8_lossy(&before).into_owned();
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(_) => panic!("no {text:?} in {:?}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    /// How the terminal is set now.
    pub fn settings(&self) -> Termios {
        tcgetattr(&self.end).unwrap()
    }

    /// Everything else that was written. The program has ended.
    pub fn rest(self) -> String {
        let Self { keys: _keys, end, chunks, mut seen } = self;
        drop(end);
        while let Ok(chunk) = chunks.recv_timeout(deadline()) {
            seen.extend(chunk);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }
}
