//! `legwork calibrate`: how often labels of confidence are right, and probabilities that make them so.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use legwork_core::output::Confidence;
use legwork_core::time::Micros;
use legwork_server::calibration::{Calibration, Calibrations, Share, Table, answers, calibrate};

use crate::args::CalibrateArgs;
use crate::exit::{Exit, Failure};
use crate::render::{self, Style, clean};
use crate::{given, print};

pub(super) fn run(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let text = given::read(&args.set)
        .map_err(|error| Failure::new(Exit::BadInput, error).hint("name a file that `legwork eval --out` wrote"))?;
    let answers = answers(&text).map_err(|odd| {
        Failure::new(Exit::BadInput, odd).hint(
            "each line has question, processor, model, confidence and correct, as `legwork eval --out` writes them",
        )
    })?;
    let now = Micros(0) + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let date: String = now.to_string().chars().take("2026-03-10".len()).collect();
    let measured = calibrate(&answers, &date);
    if measured.tables.is_empty() {
        return Err(
            Failure::said(Exit::BadInput, "there is no answer to measure").hint("what was not found is not measured")
        );
    }
    write(&args.output, &measured)?;
    print::data(&if args.json { render::json(&measured)? } else { told(&measured, print::style()) })?;
    let usable = measured.tables.iter().filter(|table| table.usable).count();
    let what_next = if usable > 0 { "give it to a server with --calibration" } else { "no server would use it" };
    print::talk(&format!("written to {}; {what_next}", args.output.display()));
    // So that a release can wait for it.
    Ok(if usable == measured.tables.len() { Exit::Done } else { Exit::RunFailed })
}

/// In one piece, or not at all: a server may read it at any time.
fn write(path: &Path, measured: &Calibrations) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::write(&beside, render::json(measured)? + "\n").and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| Failure::new(Exit::Api, error).hint("choose another file with --output"))
}

fn told(measured: &Calibrations, style: Style) -> String {
    let mut out = String::new();
    for table in &measured.tables {
        one(&mut out, table, style);
    }
    out
}

fn one(out: &mut String, table: &Calibration, style: Style) {
    let model = table.model.as_deref().unwrap_or("no model");
    let name = style.bold(&format!("{}, {}", clean(&table.tier), clean(model)));
    let _ = writeln!(out, "{name}: {} answers\n  {:<8}{:<20}by the table", table.n, "", "as labelled");
    for label in [Confidence::High, Confidence::Medium, Confidence::Low] {
        let (given, held) = (share(table.as_given.of(label)), share(table.held_out.of(label)));
        let _ = writeln!(out, "  {:<8}{given:<20}{held}", label.as_str());
    }
    if let (Some(ece), Some(brier)) = (table.held_out.ece, table.held_out.brier) {
        let _ = writeln!(out, "  calibration error {ece:.3}, Brier score {brier:.3}");
    }
    // Else a label that never changes would look like a fault.
    if matches!(table.table, Table::Labels { .. }) {
        out.push_str("  by their labels alone: these answers do not say what was checked of them\n");
    }
    let verdict = style.verdict(table.usable, if table.usable { "usable" } else { "not usable" });
    let why = table.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let _ = writeln!(out, "  {verdict}{why}\n");
}

fn share(share: Share) -> String {
    match share.accuracy() {
        Some(accuracy) => format!("{:.1} % of {}", accuracy * 100.0, share.n),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: usize, confidence: &str, correct: bool) -> String {
        format!(
            "{{\"question\":\"q{at}\",\"processor\":\"base\",\"confidence\":\"{confidence}\",\"correct\":{correct}}}\n"
        )
    }

    /// Answers of which those labelled high are right nine of ten times and more, and the others less.
    fn set() -> String {
        (0..240)
            .map(|at| match at % 3 {
                0 => line(at, "high", at % 60 != 0),
                1 => line(at, "medium", at % 10 < 7),
                _ => line(at, "low", at % 10 < 3),
            })
            .collect()
    }

    fn calibrated(set: &str) -> (Result<Exit, Failure>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let (set_at, output) = (folder.path().join("set.jsonl"), folder.path().join("calibration.json"));
        fs::write(&set_at, set).unwrap();
        let args = CalibrateArgs { set: set_at.display().to_string(), output: output.clone(), json: false };
        let exit = run(&args);
        let usable = Calibrations::load(&output).ok().map(|all| format!("{:?}", all.tables[0].usable));
        (exit, usable)
    }

    #[test]
    fn a_set_becomes_a_file_that_a_server_reads() {
        let (exit, usable) = calibrated(&set());
        assert_eq!((exit.unwrap(), usable.as_deref()), (Exit::Done, Some("true")));
    }

    #[test]
    fn what_does_not_hold_is_written_as_not_usable() {
        let few: String = set().split_inclusive('\n').take(9).collect();
        let (exit, usable) = calibrated(&few);
        assert_eq!((exit.unwrap(), usable.as_deref()), (Exit::RunFailed, Some("false")));
    }

    #[test]
    fn what_is_no_set_is_refused_with_its_line() {
        let (exit, file) = calibrated("{\"question\":\"q\"}\n");
        let failure = exit.unwrap_err();
        assert!(failure.exit == Exit::BadInput && failure.error.to_string().starts_with("line 1 "), "{failure:?}");
        assert_eq!(file, None);
        assert_eq!(calibrated("\n").0.unwrap_err().exit, Exit::BadInput);
    }

    #[test]
    fn a_table_is_told_as_people_read_it() {
        let answers = answers(&set()).unwrap();
        insta::assert_snapshot!(told(&calibrate(&answers, "2026-03-10"), Style { color: false }));
    }
}
