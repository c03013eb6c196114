//! `legwork source`: opens a text that was cited, with the quoted words marked.

use std::fmt::Write as _;

use legwork_api::source::SourceView;
use legwork_server::config::Role;

use super::Settings;
use crate::args::SourceArgs;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::render::{self, Style, clean};

pub(super) async fn run(args: SourceArgs, settings: Settings) -> Result<Exit, Failure> {
    let station = settings.station(args.target, Role::Api).await?;
    let (which, quote) = (args.which, args.quote);
    let source = station.once(async |client| client.source(&which, quote.as_deref()).await).await?;
    print::data(&if args.json { render::json(&source)? } else { told(&source, print::style()) })?;
    if quote.is_some() && source.range.is_none() {
        return Err(Failure::said(Exit::RunFailed, "the quoted words do not stand in this text"));
    }
    Ok(Exit::Done)
}

fn told(source: &SourceView, style: Style) -> String {
    let mut out = format!("{}\n{}\n", style.bold(&clean(&source.title)), style.link(&clean(&source.url)));
    if let Some(at) = source.retrieved_at {
        let _ = writeln!(out, "{}", style.dim(&format!("read {at}")));
    }
    out.push('\n');
    match source.around() {
        None => out.push_str(&clean(&source.text)),
        Some((before, inside, behind)) => {
            let _ = write!(out, "{}{}{}", clean(before), style.marked(&clean(inside)), clean(behind));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use legwork_api::source::SourceRange;

    use super::*;

    #[test]
    fn the_quoted_words_are_marked_and_nothing_else_reaches_the_terminal() {
        let source = SourceView {
            hash: "00".to_owned(),
            url: "corpus:notes/a.md".to_owned(),
            title: "A \u{1b}[31mtitle".to_owned(),
            text: "One. Two \u{1b}words. Three.".to_owned(),
            retrieved_at: None,
            range: Some(SourceRange { start: 5, end: 16 }),
        };
        let plain = told(&source, Style { color: false });
        assert_eq!(plain, "A [31mtitle\ncorpus:notes/a.md\n\nOne. >>>Two words.<<< Three.");
        let coloured = told(&source, Style { color: true });
        assert!(coloured.contains("\u{1b}[7mTwo words.\u{1b}["), "{coloured:?}");
    }
}
