//! Tables in files: each row becomes a passage of its own, `header: value; header: value`, that can be read alone.

use super::{MOST, Reading, Reason};

/// What may stand between two cells.
const MARKS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows tell which mark it is.
const SAMPLE: usize = 20;
/// A cell in quotes that the file ends in, and that is over more lines than this, was never meant to be one.
const LINES: usize = 3;
/// How many rows are read of one file.
const ROWS: usize = 100_000;

#[expect(clippy::unnecessary_wraps, reason = "every kind is read through the same shape")]
/// Reads a table; `mark` stands between its cells when that is known.
pub(super) fn read(text: &str, mark: Option<u8>) -> Result<Reading, Reason> {
    let (text, named) = named_mark(text);
    // Where tabs stand between cells, a quote is a quote.
    let quoted = mark != Some(b'\t');
    let mark = mark.or(named).unwrap_or_else(|| likely_mark(text));
    let quoted = quoted && unclosed(text, mark) <= LINES;
    let mut reading = Reading::one("", None, String::new());
    let mut body = String::new();
    let mut headers: Option<Vec<String>> = None;
    let wide =
        usual(&rows(text, mark, quoted).take(SAMPLE).filter_map(|row| Some(width(&row.ok()?))).collect::<Vec<_>>());
    for (number, row) in rows(text, mark, quoted).enumerate() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                reading.leave_out(format!(":{}", number + 1), format!("the row cannot be read: {error}"));
                continue;
            }
        };
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match &headers {
            // A title, or a note above the table.
            None if width(&row) * 2 <= wide => push_row(&mut body, &[], row.iter()),
            None => headers = Some(headers_of(&row)),
            Some(_) if number > ROWS || body.len() > MOST => {
                reading.leave_out(String::new(), format!("what follows row {number} was left out: it is too much"));
                break;
            }
            Some(headers) => push_row(&mut body, headers, row.iter()),
        }
    }
    if body.is_empty() {
        // A table of one row is its own heading.
        body = headers.unwrap_or_default().join("; ");
    }
    reading.texts[0].body = body;
    Ok(reading)
}

/// Appends `header: value; header: value` as a paragraph of its own. Cells without a value say nothing.
pub(super) fn push_row<'a>(body: &mut String, headers: &[String], cells: impl Iterator<Item = &'a str>) {
    let start = body.len();
    for (at, cell) in cells.enumerate() {
        let value = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        if value.is_empty() {
            continue;
        }
        if body.len() > start {
            body.push_str("; ");
        }
        if let Some(header) = headers.get(at).filter(|header| !header.is_empty()) {
            body.push_str(header);
            body.push_str(": ");
        }
        body.push_str(&value);
    }
    if body.len() > start {
        body.push_str("\n\n");
    }
}

fn headers_of(row: &csv::StringRecord) -> Vec<String> {
    row.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn rows(text: &str, mark: u8, quoted: bool) -> impl Iterator<Item = csv::Result<csv::StringRecord>> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(mark).quoting(quoted);
    builder.from_reader(text.as_bytes()).into_records()
}

/// Over how many line ends the quotes reach in which the text ends; none when it ends outside.
fn unclosed(text: &str, mark: u8) -> usize {
    let (mut lines, mut inside, mut starts, mut before) = (0, false, true, b'\n');
    for byte in text.bytes() {
        match byte {
            // A quote that is doubled ends the quotes and begins them again.
            b'"' if inside => (inside, starts) = (false, true),
            b'"' if starts => (inside, lines) = (true, if before == b'"' { lines } else { 0 }),
            b'\n' if inside => lines += 1,
            _ if inside => {}
            _ => starts = byte == mark || byte == b'\n',
        }
        before = byte;
    }
    if inside { lines } else { 0 }
}

/// How many cells a row has, without empty ones at its end.
fn width(row: &csv::StringRecord) -> usize {
    (1..=row.len()).rev().find(|wide| !row[wide - 1].trim().is_empty()).unwrap_or(0)
}

/// The commonest width; of several the one that is met first.
fn usual(widths: &[usize]) -> usize {
    let times = |wide: &usize| widths.iter().filter(|other| *other == wide).count();
    widths.iter().filter(|wide| **wide > 0).rev().max_by_key(|wide| times(wide)).copied().unwrap_or(0)
}

/// `sep=;` in the first line, as Excel writes it.
fn named_mark(text: &str) -> (&str, Option<u8>) {
    let named = text.strip_prefix("sep=").and_then(|rest| {
        let (mark, rest) = rest.split_once('\n')?;
        Some((rest, mark.bytes().next().filter(|mark| MARKS.contains(mark))?))
    });
    named.map_or((text, None), |(rest, mark)| (rest, Some(mark)))
}

/// The mark that cuts the first rows into the most cells, as many in each.
fn likely_mark(text: &str) -> u8 {
    let score = |mark: u8| {
        let widths: Vec<usize> = rows(text, mark, true).take(SAMPLE).filter_map(|row| Some(row.ok()?.len())).collect();
        let usual = usual(&widths);
        let same = widths.iter().filter(|width| **width == usual).count();
        if usual < 2 { 0 } else { same * 100 / widths.len() * 100 + usual.min(99) }
    };
    MARKS.into_iter().rev().max_by_key(|mark| score(*mark)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::super::tests::text_of;

    #[test]
    fn each_row_can_be_read_alone() {
        let table = "Name,Role,Note\n\"Quill, Mara\",founder,\"said \"\"go\"\"\"\nAnna Larch,,\"two\nlines\"\n";
        assert_eq!(
            text_of("people.csv", table.as_bytes()).unwrap().body,
            "Name: Quill, Mara; Role: founder; Note: said \"go\"\n\nName: Anna Larch; Note: two lines\n\n"
        );
    }

    #[test]
    fn the_mark_between_cells_is_found() {
        for table in ["a;b\n1,5;2\n", "sep=;\na;b\n1,5;2\n", "a\tb\n1,5\t2\n", "a|b\n1,5|2\n"] {
            assert_eq!(text_of("t.csv", table.as_bytes()).unwrap().body, "a: 1,5; b: 2\n\n", "{table:?}");
        }
        assert_eq!(text_of("t.tsv", b"a\tb\n1\t2\n").unwrap().body, "a: 1; b: 2\n\n");
    }

    #[test]
    fn a_title_above_a_table_is_not_its_heading() {
        for title in ["Ferries in 2024\n\n", "Ferries in 2024,,\n"] {
            let table = format!("{title}Ferry,Captain,Built\nHazelnut,Ines Wren,1951\nElm,Ada Finch,1960\n");
            assert_eq!(
                text_of("t.csv", table.as_bytes()).unwrap().body,
                "Ferries in 2024\n\nFerry: Hazelnut; Captain: Ines Wren; Built: 1951\n\nFerry: Elm; Captain: Ada Finch; Built: 1960\n\n"
            );
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_swallows_no_rows() {
        let rows = "Brack,\"5 inch,12\nMorn,6 inch,13\nVal,7 inch,14\nDor,8 inch,15\nZel,9 inch,16\n";
        for (name, mark) in [("t.csv", ","), ("t.tsv", "\t")] {
            let table = format!("Item,Size,Price\n{rows}").replace(',', mark);
            let body = text_of(name, table.as_bytes()).unwrap().body;
            assert!(body.starts_with("Item: Brack; Size: \"5 inch; Price: 12\n\nItem: Morn; Size: 6 inch"), "{body}");
            assert!(body.ends_with("Item: Zel; Size: 9 inch; Price: 16\n\n"), "{body}");
        }
        let long = "a,b\n1,\"two\nlines \"\"and\"\" more\n\n\n\n\n\"\n2,x\n";
        assert!(text_of("t.csv", long.as_bytes()).unwrap().body.ends_with("more\n\na: 2; b: x\n\n"));
    }

    #[test]
    fn rows_of_any_width_are_kept() {
        assert_eq!(text_of("t.csv", b"a,b\n1\n1,2,3\n\n,\n").unwrap().body, "a: 1\n\na: 1; b: 2; 3\n\n");
    }
}
