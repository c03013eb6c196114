//! The rules of legwork, pure: no I/O, no clock, no randomness, no async runtime.
//!
//! The words, the same in code, log, database and wire view:
//!
//! - A **run** is one task, accepted for ever, until its owner deletes it.
//! - It is worked on in **attempts**, each under a **lease**: the right of one process, for a while, proved by a token.
//! - A **command** is what somebody wants of a run; [`command::decide`] says what comes of it.
//! - What happened is a **fact**. A run's facts are its **log**; the number of a fact is a **cursor** into it.
//! - A **processor** does the work; it **reports** progress, and its **output** carries the **basis** that proves it.
//! - What it has done on the way is a **step**; the steps of a run are its **journal**, which ends with the run.
//! - A **webhook** is called when its run has ended; what is owed to it is a **delivery**, which may take **attempts**.
//! - A **key** is what a caller shows; it stands for an **owner**, who sees his own runs only.
//! - A **node** is a process that shares the store with others; it **announces** itself there as long as it lives.
//! - A **store** keeps all that; a **nudge** says that something changed, never what.

pub mod command;
pub mod delivery;
pub mod eta;
pub mod fact;
pub mod fair;
pub mod group;
pub mod id;
pub mod journal;
pub mod key;
pub mod node;
pub mod output;
pub mod pace;
pub mod processor;
pub mod receipt;
pub mod run;
pub mod secret;
pub mod source;
pub mod store;
pub mod task;
pub mod tier;
pub mod time;
