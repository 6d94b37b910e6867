//! The user's terminal handed to a command in a container: raw mode, its size, stdin.

use std::io::{self, IsTerminal};
use std::pin::Pin;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Printer;
use crate::engine::{EngineError, EngineStream};

/// Whether both stdin and stdout are a terminal.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
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
