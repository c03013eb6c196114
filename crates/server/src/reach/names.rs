//! Names to addresses, a few at a time: the system looks names up on threads of which others need some too.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many names are looked up at a time.
const LOOKUPS: usize = 64;

/// Looks names up.
#[derive(Clone)]
pub(crate) struct Names {
    look_up: Arc<LookUp>,
    all: Arc<Semaphore>,
    share: Arc<Semaphore>,
}

/// The addresses of a name, at this port.
type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl Names {
    /// As the system knows them, and as many at a time as one process may look up.
    pub(crate) fn new() -> Self {
        Self::by(|name, port| (name, port).to_socket_addrs().map(Iterator::collect))
    }

    /// As this function knows them; it may take its time.
    pub(crate) fn by(look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        let all = Arc::new(Semaphore::new(LOOKUPS));
        Self { look_up: Arc::new(look_up), all, share: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// The same, but never more than so many at a time through what is returned, and its clones: names that nobody answers
    /// for hold up only who asks for them.
    pub(crate) fn share(&self, most: usize) -> Self {
        Self { share: Arc::new(Semaphore::new(most)), ..self.clone() }
    }

    pub(super) async fn look_up(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        // The share's first, so that nobody holds a place that others could have while he waits for his own.
        let share = self.share.clone().acquire_owned().await.map_err(io::Error::other)?;
        let one = self.all.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (name, look_up) = (name.to_owned(), self.look_up.clone());
        // Whoever asked may have left: the places are free when the thread is.
        let found = spawn_blocking(move || {
            let found = look_up(&name, port);
            drop((share, one));
            found
        });
        found.await.map_err(io::Error::other)?
    }
}
