//! The way back after `kill -9`.

use std::time::Instant;

use anyhow::Result;

use super::figure::Figure;
use super::load::{Until, create};
use super::server::{Server, accepted, request};
use super::store::Store;

/// How long until a killed server listens again, and until it has accepted the first run.
pub(super) async fn restart(store: &Store, stored: usize) -> Result<Vec<Figure>> {
    let server = Server::start(store, &["--role", "api"]).await?;
    create(server.address, Until::Count(stored)).await?;
    let store = server.kill()?;
    let begun = Instant::now();
    let server = Server::start(&store, &[]).await?;
    let listens = begun.elapsed();
    accepted(&server.wire().await?.call(&request(0)).await?)?;
    let accepts = begun.elapsed();
    let name = |what: &str| format!("restart with {stored} runs queued: {what}");
    Ok(vec![
        Figure::new(name("listens"), listens.as_secs_f64() * 1000.0, "ms"),
        Figure::new(name("first create answered"), accepts.as_secs_f64() * 1000.0, "ms"),
    ])
}
