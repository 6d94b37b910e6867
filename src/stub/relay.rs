//! The processes in a helper container, which leads into a stack's networks from where they can't be reached.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::failure::{Failure, Kind, Result};
use crate::output::terminal;

/// How long a helper tries to connect.
const CONNECT: Duration = Duration::from_secs(30);

/// A helper's first process: stays until its stdin ends.
pub async fn stay() -> Result {
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await.context("could not read stdin")?;
    Ok(())
}

/// Connects to an address; passes stdin on to it, and what comes from there to stdout, until that ends.
pub async fn dial(address: &str) -> Result {
    let connect = tokio::time::timeout(CONNECT, TcpStream::connect(address));
    let stream =
        connect.await.map_err(|_| Failure::new(Kind::Failed, format!("{address} doesn't accept")))?;
    let (mut reader, mut writer) =
        stream.with_context(|| format!("could not connect to {address}"))?.into_split();
    let there = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut writer).await;
        let _ = writer.shutdown().await;
    });
    terminal::pass_through(&mut reader).await.context("could not pass an answer on")?;
    // A read of stdin can't be taken back; it ends with the process.
    there.abort();
    Ok(())
}
