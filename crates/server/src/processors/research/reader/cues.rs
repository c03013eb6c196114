//! Words that say what a question asks in other words: a book *by* somebody was written by them, a place *in* a country is
//! located there.

use super::super::roots::root;
use super::super::text::Word;
use super::sentence::Line;

/// What the question says, and what a sentence says instead; `^` stands for a word written large.
const CUES: &[(&[&str], &[&str])] = &[
    (
        &[
            "wrote",
            "painted",
            "composed",
            "directed",
            "sculpted",
            "designed",
            "director",
            "composer",
            "painter",
            "made",
            "created",
            "architect",
            "built",
            "developed",
        ],
        &["by ^"],
    ),
    (&["painted", "painter"], &["painting", "artist", "artwork"]),
    (&["composed", "composer"], &["music", "symphony", "concerto", "opera"]),
    (&["where", "location", "state", "country", "city", "continent"], &["in ^", "in the ^", "of ^"]),
    (
        &["founded", "established", "started"],
        &[
            "created",
            "formed",
            "started",
            "began",
            "launched",
            "opened",
            "incorporated",
            "founders",
            "dates from",
            "came into existence",
            "signed",
            "in effect",
        ],
    ),
    (&["built"], &["completed", "erected", "commissioned", "constructed"]),
    (
        &["height", "high", "tall", "depth", "deep", "long", "length", "far", "distance"],
        &["metres", "meters", "feet", "ft", "m", "km", "kilometres", "kilometers", "miles", "mi"],
    ),
    (&["area", "large"], &["square", "km2", "covers", "covering"]),
    (&["population"], &["people", "inhabitants", "residents", "populous"]),
    (&["people", "live"], &["population", "inhabitants", "residents"]),
    (
        &["alliance", "affiliation", "party", "political"],
        &[
            "party",
            "democrat",
            "democratic",
            "republican",
            "member of",
            "conservative",
            "labour",
            "socialist",
            "communist",
        ],
    ),
    (
        &["originated", "origin", "source"],
        &["rises", "source", "flows from", "formed in", "begins", "comes from", "native to"],
    ),
    (&["headquarter", "headquarters"], &["headquartered", "based in", "head office", "seat"]),
    (&["discovered", "discoverer"], &["isolated", "synthesized", "identified", "discovery", "found by"]),
    (&["invented", "inventor"], &["invention", "created", "credited", "developed", "pioneer", "patented", "designed"]),
    (&["owns", "owner", "owned"], &["owned by", "subsidiary", "parent", "acquired", "belongs to"]),
    (&["vocalist", "singer", "vocals"], &["vocalist", "singer", "vocals", "frontman"]),
    (&["killed", "murdered", "assassinated"], &["assassinated", "murdered", "killed", "shot", "assassination"]),
    (&["wife", "husband", "spouse", "married"], &["married", "wife", "husband", "spouse", "lady"]),
    (
        &["fall", "fell", "end", "ended"],
        &["collapse", "collapsed", "ended", "fell", "until", "dissolved", "abolished", "surrender"],
    ),
    (&["begin", "start"], &["began", "started", "from", "outbreak", "broke out"]),
    (&["sink", "sank"], &["sinking", "wreck", "foundered"]),
    (&["occur", "happened", "place"], &["occurred", "was fought", "took place", "happened"]),
    (&["agreed", "adopted", "signed"], &["agreed", "signed", "adopted", "issued", "sealed", "ratified"]),
    (&["occupation", "profession", "nationality", "job"], &["was a", "was an", "is a", "is an"]),
    (&["genre"], &["is a", "is an", "series", "style"]),
    (
        &["religion"],
        &["muslim", "islam", "christian", "catholic", "christianity", "buddhism", "buddhist", "hindu", "religious"],
    ),
    (&["spoken", "speak", "speaker"], &["language", "speakers", "spoken"]),
    (
        &["led", "leader", "ruled", "governed"],
        &["leader", "ruler", "ruled", "premier", "secretary", "president", "head of", "led"],
    ),
    (&["conquered"], &["conquest", "conquered", "fall of", "defeated"]),
    (&["border", "borders", "separates"], &["bordered", "bounded", "between", "borders", "separates", "separated"]),
    (&["temperature"], &["degrees", "°c", "celsius"]),
    (&["causes", "caused"], &["caused by", "due to", "because of", "results from", "disease"]),
    (&["publish", "published"], &["published", "novel", "book", "released"]),
    (&["flows"], &["river", "banks of", "lies on", "situated on", "on the"]),
    (&["speed"], &["per second", "per hour", "km/h"]),
    (&["produces"], &["secretes", "produced by", "secreted", "released by"]),
    (&["gender", "sex"], &["male", "female"]),
    (&["currency"], &["dollar", "euro", "currency", "unit of account"]),
    (&["measure", "measures", "record"], &["measures", "measuring", "measurement", "records", "used to", "instrument"]),
];

/// The other words for a root of a question.
pub(super) fn of(wanted: &str) -> Vec<&'static str> {
    let rows = CUES.iter().filter(|(asked, _)| asked.iter().any(|word| root(word) == wanted));
    rows.flat_map(|(_, cues)| cues.iter().copied()).collect()
}

/// Whether a sentence has one of these.
pub(super) fn stand(cues: &[&str], line: &Line<'_>) -> bool {
    cues.iter().any(|cue| (0..line.words.len()).any(|at| stands_at(cue, line, at)))
}

fn stands_at(cue: &str, line: &Line<'_>, start: usize) -> bool {
    cue.split(' ').zip(start..).all(|(part, at)| match part {
        "^" => at < line.words.len() && line.is_name(at),
        // What was built by somebody was not painted by them; a novel by somebody was written by them.
        "by" => at < line.words.len() && line.words[at].folded == "by" && !(at > 0 && was_done(&line.words[at - 1])),
        part => line.words.get(at).is_some_and(|word| word.folded == part),
    })
}

/// Whether a word tells what was done to something.
fn was_done(word: &Word) -> bool {
    const DONE: &[&str] =
        &["built", "made", "sung", "led", "won", "held", "sold", "taught", "known", "drawn", "found", "run"];
    word.folded.ends_with("ed") || word.folded.ends_with("ten") || DONE.contains(&word.folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(asked: &str, sentence: &str) -> bool {
        stand(&of(&root(asked)), &Line::of(sentence))
    }

    #[test]
    fn a_sentence_may_say_it_in_other_words() {
        for (asked, sentence) in [
            ("wrote", "Harrowgate is a novel by Ilse Varn."),
            ("state", "Pellmere is a town in Tarn."),
            ("founded", "The university was opened in 1741."),
            ("height", "It rises 48 metres."),
            ("population", "It has 412,000 inhabitants."),
            ("headquarters", "The firm is based in Orvia."),
        ] {
            assert!(says(asked, sentence), "{asked}: {sentence}");
        }
    }

    #[test]
    fn other_words_for_something_else_do_not_count() {
        assert!(!says("painted", "The hall was built by Ada Corve."));
        assert!(!says("wrote", "Harrowgate stands by the river."));
        assert!(!says("population", "It has 48 lamps."));
    }
}
