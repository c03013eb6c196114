//! The one place that prints. Data goes to stdout, talk to stderr, so that `legwork result ID --json | jq` works.

use std::io::{self, IsTerminal, Write as _};

use crate::exit::{Exit, Failure};
use crate::render::Style;

/// Prints what was asked for.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Stdout, for what is too long to be printed at once.
pub(crate) fn out() -> io::Stdout {
    io::stdout()
}

/// Says something beside what was asked for. Nobody has to listen.
pub(crate) fn talk(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Says why the command could not do what it was told.
pub(crate) fn failure(failure: &Failure) {
    if failure.exit == Exit::Done {
        return;
    }
    talk(&format!("error: {}", failure.error));
    // What is between the error and its root is the library's business.
    if let Some(cause) = failure.error.chain().skip(1).last() {
        talk(&format!("  cause: {cause}"));
    }
    if let Some(hint) = &failure.hint {
        talk(&format!("  hint: {hint}"));
    }
}

/// How to write to stdout.
pub(crate) fn style() -> Style {
    Style { color: is_coloured(&io::stdout()) }
}

/// Whether colours may go there.
pub(crate) fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether somebody watches what we say.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
