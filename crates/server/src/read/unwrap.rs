//! Joins lines that were broken only because they were full, so that a sentence is in one piece again.

/// A paragraph whose longest line is shorter than this was not set to a width.
const NARROWEST: usize = 45;

/// The text with the lines of its paragraphs joined. With `hyphens` a word that was divided is joined, too.
pub(super) fn unwrapped(text: &str, hyphens: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut block: Vec<&str> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        let fence = is_fence(line);
        if fence || fenced || line.trim().is_empty() {
            flush(&mut out, &mut block, hyphens);
            out.push_str(line.trim_end());
            out.push('\n');
            fenced ^= fence;
        } else {
            block.push(line);
        }
    }
    flush(&mut out, &mut block, hyphens);
    out
}

fn flush(out: &mut String, block: &mut Vec<&str>, hyphens: bool) {
    let width = block.iter().map(|line| length(line)).max().unwrap_or(0);
    for (at, line) in block.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| block[at]).filter(|before| goes_on(before, line, width));
        match before {
            None => {
                if at > 0 {
                    out.push('\n');
                }
                out.push_str(line.trim_end());
            }
            Some(before) => join(out, before, line.trim(), hyphens),
        }
    }
    if !block.is_empty() {
        out.push('\n');
    }
    block.clear();
}

fn join(out: &mut String, before: &str, line: &str, hyphens: bool) {
    let divided = before.trim_end().strip_suffix('-').is_some_and(|word| word.ends_with(char::is_lowercase));
    if hyphens && divided && line.starts_with(char::is_lowercase) {
        out.pop();
    } else {
        out.push(' ');
    }
    out.push_str(line);
}

/// Whether a line is the rest of the one before: its first word did not fit there, and neither is a thing of its own.
fn goes_on(before: &str, line: &str, width: usize) -> bool {
    let first = line.split_whitespace().next().map_or(0, |word| word.chars().count());
    let full = length(before) + 1 + first + width / 6 >= width;
    width >= NARROWEST && full && !starts_anew(line) && !stands_alone(before)
}

fn length(line: &str) -> usize {
    line.trim_end().chars().count()
}

/// A heading, an item of a list, a row of a table, a quotation, a directive.
fn starts_anew(line: &str) -> bool {
    let trimmed = line.trim_start();
    let marked =
        ["#", "|", ">", "- ", "* ", "+ ", "• ", "– ", "— ", "· ", "::", ".. ", "<", "==", "--", "~~", "**", "[^"];
    let number = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < trimmed.len() && (number.starts_with(". ") || number.starts_with(") "));
    numbered || marked.iter().any(|mark| trimmed.starts_with(mark)) || is_row(line) || indent(line) >= 8
}

fn stands_alone(line: &str) -> bool {
    let trimmed = line.trim();
    let rule = trimmed.len() >= 3 && trimmed.chars().all(|c| "=-~*_#^+|:".contains(c));
    rule || trimmed.starts_with('#')
        || trimmed.starts_with('|')
        || line.ends_with("  ")
        || line.ends_with('\\')
        || is_row(line)
}

/// Cells that are set apart by tabs or wide gaps.
fn is_row(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.contains('\t') || trimmed.contains("   ")
}

fn is_fence(line: &str) -> bool {
    let trimmed = line.trim_start();
    trimmed.starts_with("```") || trimmed.starts_with("~~~")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_over_several_lines_is_in_one_piece_again() {
        let text = "The bridge over the river was opened by the mayor of\nthe town in 1932, and has been repaired three times\nsince.\n\nNext one.\n";
        let joined = "The bridge over the river was opened by the mayor of the town in 1932, and has been repaired three times since.\n\nNext one.\n";
        assert_eq!(unwrapped(text, false), joined);
    }

    #[test]
    fn what_was_broken_on_purpose_stays() {
        for text in [
            "Roses are red\nViolets are blue\n",
            "# A heading that is long enough to be taken for a line\nText below it.\n",
            "- one item of a list that is rather long, as items are\n- another item\n",
            "| a row of a table that is rather long | as rows are |\n| next | row |\n",
            "```\nlet code = that_is_long_enough_to_look_like_a_line();\nlet x = 1;\n```\n",
            "Name:      Ada Lovelace, countess of the analytical engine\nBorn:      1815\n",
        ] {
            assert_eq!(unwrapped(text, false), text);
        }
    }

    #[test]
    fn a_divided_word_is_joined_where_that_is_wanted() {
        let text = "A set of pages that were set by a machine has divi-\nded words in it.";
        assert_eq!(unwrapped(text, true), "A set of pages that were set by a machine has divided words in it.\n");
        assert_eq!(unwrapped(text, false), "A set of pages that were set by a machine has divi- ded words in it.\n");
    }
}
