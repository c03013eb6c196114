//! What legwork promises, checked on the built binary from outside.

mod crash;
mod guide;
mod sdk;
mod support;
