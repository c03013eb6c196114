//! Honesty in code: what a model said is held against what the pages say, and what cannot be held is dropped.
//!
//! Everything here is pure and synchronous. No model's opinion of itself is asked for.

mod anchors;
mod calibrate;
mod calibration;
mod check;
mod class;
mod compute;
mod cut;
mod date;
mod independent;
mod label;
mod lone;
mod markdown;
mod names;
mod numbers;
mod quote;
mod ratio;
mod scan;
mod sentences;
mod suspect;
mod units;
mod values;
mod wrap;

pub(in crate::processors) use anchors::is_anchored;
pub use calibrate::{Answer, BadLine, answers, calibrate};
pub use calibration::{Calibration, CalibrationError, Calibrations, Measured, Share, Table, described};
pub(in crate::processors) use check::{Checked, Finding, Refused, check};
pub use class::Class;
pub(in crate::processors) use class::{Fresh, class_of};
pub(in crate::processors) use cut::before as bound_before;
pub(in crate::processors) use date::Date;
pub(in crate::processors) use independent::{Supporter, independent};
pub use label::{Features, Judgement};
pub(in crate::processors) use label::{Support, label};
pub(in crate::processors) use lone::{lone_date, lone_number};
pub(in crate::processors) use quote::Page;
#[cfg(test)]
pub(in crate::processors) use quote::excerpt;
pub(in crate::processors) use quote::holds;
pub use quote::place_of;
#[cfg(test)]
pub(in crate::processors) use quote::verify_quote;
pub(in crate::processors) use sentences::{Evidence as Cited, Proved, proved};
pub(in crate::processors) use suspect::suspicion;
pub use values::{Verdict, verify_values};
pub(in crate::processors) use wrap::{Shown, wrapped};

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod poisoned;
