//! Tables on web pages, row by row: `header: value; header: value`.

use dom_query::NodeRef;

use super::super::table::push_row;
use super::is_mute;

/// A cell as it is drawn.
#[derive(Clone, Default)]
struct Cell {
    text: String,
    is_head: bool,
    /// How many rows below it still covers.
    below: usize,
}

/// The rows of a table and their text; `None` when it only arranges things.
pub(super) fn table(table: &NodeRef<'_>) -> Option<(usize, String)> {
    let nested = table.descendants_it().any(|node| is(&node, "table"));
    let rows = drawn(table);
    let wide = rows.iter().map(Vec::len).max().unwrap_or(0);
    if nested || wide < 2 {
        return None;
    }
    let mut text = caption(table);
    let heads = heading(&rows, wide);
    let mut count = 0;
    for row in &rows[usize::from(heads.is_some())..] {
        count += 1;
        match (&heads, row.split_first()) {
            (Some(heads), _) => push_row(&mut text, heads, row.iter().map(|cell| cell.text.as_str())),
            (None, Some((head, rest))) => {
                let rest: Vec<&str> =
                    rest.iter().map(|cell| cell.text.as_str()).filter(|text| !text.is_empty()).collect();
                push_row(&mut text, std::slice::from_ref(&head.text), std::iter::once(rest.join("; ").as_str()));
            }
            (None, None) => {}
        }
    }
    Some((count, text))
}

/// The headers of the columns: a row of nothing but headers, or the first one where there are none in the whole table
/// and a row holds more than a name and a value.
fn heading(rows: &[Vec<Cell>], wide: usize) -> Option<Vec<String>> {
    let first = rows.first()?;
    let all = first.len() > 1 && first.iter().all(|cell| cell.is_head || cell.text.is_empty());
    let none = rows.len() > 1 && wide > 2 && rows.iter().flatten().all(|cell| !cell.is_head);
    (all || none).then(|| first.iter().map(|cell| cell.text.clone()).collect())
}

fn caption(table: &NodeRef<'_>) -> String {
    let caption = table.children_it(false).find(|node| is(node, "caption"));
    caption.map(|node| words(&node)).filter(|text| !text.is_empty()).map(|text| text + "\n\n").unwrap_or_default()
}

/// The cells of each row, with those that reach down from rows above.
fn drawn(table: &NodeRef<'_>) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for row in table.descendants_it().filter(|node| is(node, "tr")) {
        let above = rows.last().map_or(&[][..], Vec::as_slice);
        let mut cells: Vec<Cell> = Vec::new();
        for node in row.children_it(false).filter(|node| is(node, "td") || is(node, "th")) {
            reach_down(&mut cells, above);
            let cell = Cell { text: words(&node), is_head: is(&node, "th"), below: span(&node, "rowspan") - 1 };
            let covered = Cell { text: String::new(), ..cell.clone() };
            cells.push(cell);
            cells.extend(std::iter::repeat_n(covered, span(&node, "colspan") - 1));
        }
        reach_down(&mut cells, above);
        if cells.iter().any(|cell| !cell.text.is_empty()) {
            rows.push(cells);
        }
    }
    rows
}

fn reach_down(cells: &mut Vec<Cell>, above: &[Cell]) {
    while let Some(cell) = above.get(cells.len()).filter(|cell| cell.below > 0) {
        cells.push(Cell { below: cell.below - 1, ..cell.clone() });
    }
}

fn span(node: &NodeRef<'_>, name: &str) -> usize {
    node.attr(name).and_then(|value| value.trim().parse().ok()).unwrap_or(1).clamp(1, 100)
}

/// The words of a cell, without what is not shown.
fn words(cell: &NodeRef<'_>) -> String {
    let mut text = String::new();
    for node in cell.descendants_it().filter(NodeRef::is_text) {
        let shown = node.ancestors_it(Some(12)).all(|above| above.node_name().is_none_or(|name| !is_mute(&name)));
        if shown {
            text.push_str(&node.text());
            text.push(' ');
        }
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [" ,", " .", " ;", " )"].iter().fold(line, |line, gap| line.replace(gap, &gap[1..])).replace("( ", "(")
}

fn is(node: &NodeRef<'_>, wanted: &str) -> bool {
    node.node_name().is_some_and(|name| &*name == wanted)
}

#[cfg(test)]
mod tests {
    use dom_query::Document;

    use super::*;

    fn rows(html: &str) -> Option<String> {
        let page = Document::from(html);
        let node = page.root().descendants_it().find(|node| is(node, "table")).unwrap();
        table(&node).map(|(_, text)| text)
    }

    #[test]
    fn a_table_of_names_and_values_needs_no_heading() {
        let html = "<table><tr><th>Capital</th><td>Oslo</td></tr><tr><td>Area</td><td>385,207 km<sup>2</sup></td></tr></table>";
        assert_eq!(rows(html).unwrap(), "Capital: Oslo\n\nArea: 385,207 km 2\n\n");
    }

    #[test]
    fn cells_that_reach_down_are_part_of_each_row() {
        let html = "<table><tr><th>Year</th><th>City</th><th>Score</th></tr>\
                    <tr><td rowspan=2>2019</td><td>Oslo</td><td>1</td></tr><tr><td>Bergen</td><td>2</td></tr></table>";
        assert_eq!(rows(html).unwrap(), "Year: 2019; City: Oslo; Score: 1\n\nYear: 2019; City: Bergen; Score: 2\n\n");
    }

    #[test]
    fn a_table_that_only_arranges_is_none() {
        assert_eq!(rows("<table><tr><td><p>All of the page</p></td></tr></table>"), None);
        assert_eq!(
            rows("<table><tr><td>a</td><td><table><tr><td>b</td><td>c</td></tr></table></td></tr></table>"),
            None
        );
    }
}
