//! Work that takes longer than a thread may that serves others.

/// Begins the work on a thread of its own. What is given back waits for it: its result, or `None` where the server goes before it
/// has begun. A panic of the work goes on in who waits.
pub(super) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Option<T>> + Send {
    let handle = tokio::task::spawn_blocking(work);
    async {
        match handle.await {
            Ok(done) => Some(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}
