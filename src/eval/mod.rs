//! How good answers are, on questions of which it is known what is right: pure, from the lines of a set to the figures and
//! how they are told. The verb stands in `verbs/eval`.

mod figures;
mod lines;
mod outcome;
mod proof;
mod set;
mod table;

pub(crate) use self::figures::{Record, Report, report};
pub(crate) use self::lines::lines;
pub(crate) use self::outcome::{Came, outcome};
pub(crate) use self::proof::{Pages, Proof, cited};
pub(crate) use self::set::{Question, read};
pub(crate) use self::table::table;

#[cfg(test)]
mod tests;
