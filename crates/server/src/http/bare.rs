//! The floor that the server's figures stand on: the same web framework with nothing behind it.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;

/// As long as the answer to a create.
const ANSWER: &[u8] = &[b'x'; 370];

/// Answers every `POST /` with 202 once its body is read, and keeps nothing. Says where it listens, and then never
/// returns unless the socket breaks.
pub async fn bare(listen: SocketAddr, listening: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    listening(listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", post(async |_: Bytes| (StatusCode::ACCEPTED, ANSWER)))).await
}
