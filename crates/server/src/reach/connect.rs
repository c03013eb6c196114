//! Connections to where it is allowed to go: an address is judged after the name was resolved, right before it is used.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::client::ReachError;
use super::names::Names;
use super::rule::{Forbidden, Rule};

/// How long one of several addresses is tried before the next.
const CONNECT: Duration = Duration::from_secs(5);

/// Connects by a rule.
#[derive(Clone)]
pub(super) struct Guarded {
    rule: Arc<Rule>,
    names: Names,
}

impl Guarded {
    pub(super) fn new(rule: Arc<Rule>, names: Names) -> Self {
        Self { rule, names }
    }

    async fn connect(&self, to: &Uri) -> io::Result<TcpStream> {
        let host = to.host().ok_or_else(|| forbidden("it", Forbidden::NoHost))?;
        let default = if to.scheme_str() == Some("https") { 443 } else { 80 };
        let port = to.port_u16().unwrap_or(default);
        // A number in brackets is resolved without them.
        let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let nameless = |why: String| io::Error::other(ReachError::NoName(why));
        let found = self.names.look_up(name, port).await.map_err(|error| nameless(error.to_string()))?;
        let mut failed = nameless(format!("{host} has no address"));
        for address in found {
            match self.connect_at(host, address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Connects to one of a host's addresses, if it may be called there.
    async fn connect_at(&self, host: &str, address: SocketAddr) -> io::Result<TcpStream> {
        self.rule.check(host, address).map_err(|why| forbidden(host, why))?;
        let late = |_| io::Error::other(format!("no connection within {} s", CONNECT.as_secs()));
        let stream = timeout(CONNECT, TcpStream::connect(address)).await.map_err(late)??;
        let (here, there) = (stream.local_addr()?, stream.peer_addr()?);
        self.rule.check_ends(host, here, there).map_err(|why| forbidden(host, why))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// An error of ours inside one that libraries pass on.
fn forbidden(host: &str, why: Forbidden) -> io::Error {
    io::Error::other(ReachError::Forbidden { host: host.to_owned(), why })
}

/// A connection on its way.
type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let guarded = self.clone();
        Box::pin(async move { guarded.connect(&to).await.map(TokioIo::new) })
    }
}
