//! Words that say what a question asks in other words: a book *by* somebody was written by them, a place *in* a country is
//! located there.

use super::super::roots::root;
use super::super::text::is_stop;
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
    cues.iter().any(|cue| stands(cue, line))
}

fn stands(cue: &str, line: &Line<'_>) -> bool {
    (0..line.words.len()).any(|at| {
        cue.split(' ').enumerate().all(|(step, part)| {
            line.words.get(at + step).is_some_and(|word| match part {
                "^" => word.is_capital(line.text) && !is_stop(&word.stem),
                part => word.folded == part,
            })
        })
    })
}
