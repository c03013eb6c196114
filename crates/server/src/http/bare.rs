//! The floor that the server's figures stand on: the same web framework with nothing behind it.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// As long as the answer to a create.
const ANSWER: &[u8] = &[b'x'; 370];

/// What the next body goes to.
type Told = State<watch::Sender<Bytes>>;

/// Answers every `POST /` with 202 once its body is read, and keeps nothing; holds every `GET /held` until the next
/// `POST /held`, whose body is the answer to all of them. Says where it listens, and then never returns unless the socket
/// breaks.
pub async fn bare(listen: SocketAddr, listening: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    listening(listener.local_addr()?);
    let router = Router::new()
        .route("/", post(async |_: Bytes| (StatusCode::ACCEPTED, ANSWER)))
        .route("/held", get(held).post(tell))
        .with_state(watch::Sender::new(Bytes::new()));
    axum::serve(listener, router).await
}

async fn held(State(told): Told) -> Bytes {
    let mut told = told.subscribe();
    // The sender is here: it cannot go before the answer.
    drop(told.changed().await);
    told.borrow().clone()
}

async fn tell(State(told): Told, body: Bytes) {
    told.send_replace(body);
}
