//! The user's terminal handed to a command in a container: raw mode, its size, stdin.

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Printer;
use crate::engine::{EngineError, EngineStream};

/// Whether stdin is a terminal.
pub fn stdin_is_one() -> bool {
    io::stdin().is_terminal()
}

/// Whether stdout is a terminal.
pub fn stdout_is_one() -> bool {
    io::stdout().is_terminal()
}

/// Raw mode, until dropped.
pub struct Raw;

impl Raw {
    /// Switches raw mode on.
    pub fn enter() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing is left to be done about a terminal that is gone.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// The modes that were switched off by [`hide_typing`].
static HIDDEN: Mutex<Option<LocalModes>> = Mutex::new(None);

/// Keeps what is typed, `^C` above all, from being shown among lines that are drawn again and again: each character
/// and newline would move the cursor away from where the next drawing begins. [`show_typing`] ends it.
pub fn hide_typing() {
    let mut hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    if hidden.is_none() {
        *hidden = change_modes(|modes| {
            let off = *modes & (LocalModes::ECHO | LocalModes::ECHONL);
            *modes -= off;
            off
        });
    }
}

/// Undoes [`hide_typing`]; nothing where that did nothing.
pub fn show_typing() {
    let mut hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(off) = hidden.take() {
        change_modes(|modes| *modes |= off);
    }
}

/// Changes the modes of the terminal that stderr is. Nothing where it is none, or where another process has it: the
/// kernel stops a background process that changes them.
fn change_modes<T>(change: impl FnOnce(&mut LocalModes) -> T) -> Option<T> {
    let stderr = io::stderr();
    let mut terminal = tcgetattr(&stderr).ok()?;
    if tcgetpgrp(&stderr).ok()? != getpgrp() {
        return None;
    }
    let changed = change(&mut terminal.local_modes);
    tcsetattr(&stderr, OptionalActions::Now, &terminal).ok()?;
    Some(changed)
}

/// The terminal's size in columns and rows.
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Tells each new size of the terminal, the present one first.
pub fn sizes() -> mpsc::Receiver<(u16, u16)> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let Ok(mut changes) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())
        else {
            return;
        };
        loop {
            if let Some(size) = size()
                && sender.send(size).await.is_err()
            {
                return;
            }
            if changes.recv().await.is_none() {
                return;
            }
        }
    });
    receiver
}

/// Copies what comes to stdout as it comes, until it ends.
pub async fn pass_through(source: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut stdout = tokio::io::stdout();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match source.read(&mut buffer).await? {
            0 => return Ok(()),
            count => {
                stdout.write_all(&buffer[..count]).await?;
                stdout.flush().await?;
            }
        }
    }
}

/// Copies a session's output to ours and our stdin to it, until its output ends.
pub async fn pump(
    printer: Printer,
    mut output: EngineStream<(bool, Vec<u8>)>,
    input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
) -> Result<(), EngineError> {
    let copying = input.map(|input| tokio::spawn(copy_stdin(input)));
    let mut result = Ok(());
    while let Some(chunk) = output.next().await {
        match chunk {
            Ok((stderr, bytes)) => printer.raw(stderr, &bytes),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    // A read of stdin can't be taken back; the task ends with the process.
    if let Some(copying) = copying {
        copying.abort();
    }
    result
}

async fn copy_stdin(mut input: Pin<Box<dyn AsyncWrite + Send>>) {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = stdin.read(&mut buffer).await {
        if input.write_all(&buffer[..count]).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
    // The end of our stdin is the end of its.
    let _ = input.shutdown().await;
}
