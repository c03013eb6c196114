//! What the researcher did, as plain data, for the run's events.

/// One thing to tell; equal tasks tell equal things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What will be looked for.
    Plan(String),
    /// What was looked up, and where.
    Search(String),
    /// What came of it.
    Result(String),
    /// How far the work is.
    Stats {
        /// How many documents were considered.
        considered: u32,
        /// How many were read.
        read: u32,
        /// The addresses of some that were read.
        sample: Vec<String>,
        /// From 0 to 100.
        meter: u8,
    },
}
