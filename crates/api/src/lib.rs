//! The wire of the Task API, both ends of it, as types.
//!
//! - [`run_input`] reads what a caller asks for, says everything that is wrong with it at once, and keeps the JSON it
//!   carries as the very bytes it was given.
//! - [`run`] and [`result`] are what a caller is shown of a run; [`source`] is what it is shown of a document that a run cites.
//! - [`answer`] reads what a caller answers to a run's question.
//! - [`group`] is what a caller is shown of a group of runs.
//! - [`event`] is what a caller is told while it works; [`sse`] writes it as a stream.
//! - [`key`] is how a server's operator makes keys for callers.
//! - [`ready`] is how a server says that it accepts runs, and which processes it shares its store with.
//! - [`token`] lets a browser read one run.
//! - [`webhook`] is what a run's webhook is sent; [`signature`] signs that and checks it; [`secret`] is what it is signed with.
//! - [`code`] is every way in which a request can be refused; [`warning`] is what was odd about one that was not.
//! - `client` (a feature, on by default) speaks all of that to a server.
//!
//! Nothing here knows a database or decides anything about a run's life.

pub mod answer;
#[cfg(feature = "client")]
pub mod client;
pub mod code;
pub mod event;
mod findings;
pub mod group;
mod json;
pub mod key;
pub mod ready;
pub mod result;
pub mod run;
pub mod run_input;
pub mod signature;
pub mod source;
pub mod sse;
pub mod token;
pub mod warning;
pub mod webhook;

pub use legwork_core::secret;
