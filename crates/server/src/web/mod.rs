//! What is asked of others: searches of the web, its pages, and tools of MCP servers.

pub mod fetch;
pub(crate) mod mcp;
pub(crate) mod search;
pub(crate) mod wire;
