//! `legwork completions` and `legwork man`: this command line, for shells and for `man`.

use clap::{Command, CommandFactory as _};

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::exit::{Exit, Failure};
use crate::print;

/// Prints what a shell has to read to complete our commands.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "legwork", &mut script);
    print::data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints the manual page of the program, or of one command.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let page = page(args.command.as_deref())?;
    print::data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn page(of: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut whole = Args::command();
    whole.build();
    let command = match of {
        None => whole,
        Some(name) => {
            let found: Option<&Command> = whole.find_subcommand(name);
            let unknown = || Failure::said(Exit::BadInput, format!("there is no command `{name}`"));
            // `man legwork-serve`, as git has it.
            found.cloned().ok_or_else(unknown)?.display_name(format!("legwork-{name}"))
        }
    };
    let mut page = Vec::new();
    let version = concat!("legwork ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command).source(version).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let whole = Args::command();
        for name in whole.get_subcommands().map(Command::get_name) {
            let page = String::from_utf8(page(Some(name)).unwrap()).unwrap();
            assert!(page.contains(".SH OPTIONS"), "{name}");
        }
        let page = String::from_utf8(page(None).unwrap()).unwrap();
        assert!(page.contains("legwork\\-serve"), "{page}");
    }
}
