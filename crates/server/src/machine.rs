//! What the machine gives us: files and room. The one place that asks the operating system for more than std does.

use std::io;
use std::path::Path;

/// How many files this process may open now, and how many it may allow itself.
pub fn file_limit() -> io::Result<(u64, u64)> {
    rlimit::getrlimit(rlimit::Resource::NOFILE)
}

/// Ten thousand waiting callers are ten thousand files.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX).map(drop)
}

/// How many bytes may still be written where this path is.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let told = rustix::fs::statvfs(path)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

/// What this machine is called; in a container that is what the container is called.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Takes from this process all but so much memory and time, and the right to write files: it reads what nobody vouches
/// for.
pub(crate) fn confine(memory: u64, time: std::time::Duration) -> io::Result<()> {
    use rlimit::Resource;
    let limits =
        [(Resource::AS, memory), (Resource::CPU, time.as_secs().max(1)), (Resource::FSIZE, 0), (Resource::CORE, 0)];
    limits.iter().try_for_each(|(resource, limit)| rlimit::setrlimit(*resource, *limit, *limit))
}
