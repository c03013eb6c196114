//! Spells out the abbreviations that the Factbook uses for countries in its lists: `USA (United States)`.

use super::corpus::Corpus;
use super::part::{Finding, Part, evidence};
use super::text::words;

/// Abbreviations and the entities whose entries explain them.
const SHORT: &[(&str, &str)] =
    &[("USA", "United States"), ("US", "United States"), ("UK", "United Kingdom"), ("UAE", "United Arab Emirates")];

/// The part with its abbreviations spelled out once each, and the explaining entry cited.
pub(super) fn glossed<'a>(corpus: &'a Corpus, part: Part<'a>) -> Part<'a> {
    let Part::Found(mut finding) = part else { return part };
    if finding.what.contains("partners") || finding.what.contains("Border") {
        for (short, entity) in SHORT {
            spell_out(corpus, &mut finding, short, entity);
        }
    }
    Part::Found(finding)
}

fn spell_out<'a>(corpus: &'a Corpus, finding: &mut Finding<'a>, short: &str, entity: &str) {
    let Some(word) = words(&finding.line).into_iter().find(|word| finding.line[word.range.clone()] == *short) else {
        return;
    };
    let document = corpus.documents.iter().find(|document| document.entity.as_deref() == Some(entity));
    let field = document.and_then(|document| document.find("Country name", "abbreviation"));
    if let Some(proof) = field.and_then(|field| evidence(&field, field.value)) {
        finding.line.insert_str(word.range.end, &format!(" ({entity})"));
        finding.evidence.push(proof);
    }
}
