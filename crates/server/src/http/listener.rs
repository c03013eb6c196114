//! Connections: accepted here and served by hyper directly, which halves the memory of one that only waits.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Front;

/// How many connections may wait to be accepted: a thousand clients that come at once are no reason to refuse any.
const BACKLOG: u32 = 4096;
/// How long a request's head may take to arrive, which is also how long a connection may idle.
const HEAD: Duration = Duration::from_secs(75);

/// A socket that listens.
pub(crate) struct Listener(TcpListener);

/// Listens at an address.
pub(crate) fn listen(address: SocketAddr) -> io::Result<Listener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG).map(Listener)
}

impl Listener {
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until `stop`; then lets every request that is under way have its answer.
    pub(crate) async fn serve(self, front: Arc<Front>, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.0.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(serve(stream, front.clone(), stop.clone()))),
                    Err(error) => {
                        // Most likely no file is left; those that are open will close.
                        warn!(error = &error as &dyn std::error::Error, "could not accept a connection");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        // Who comes from now on is refused, not kept waiting.
        drop(self.0);
        connections.close();
        connections.wait().await;
    }
}

async fn serve(stream: TcpStream, front: Arc<Front>, stop: CancellationToken) {
    // An answer is written in one piece; waiting for more to send would only delay it.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}
