//! Tables for people: no lines, two spaces between columns, fitted to the terminal's width as far as that breaks no word.

use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width::Fixed, presets};
use std::io::{self, IsTerminal};

/// A table with these headings.
pub fn new(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() || !console::colors_enabled() {
        table.force_no_tty();
    }
    table.set_header(headings.iter().map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    table
}

/// The spaces between two columns.
const GAP: u16 = 2;

/// Columns of running text, by their headings. What stands in others is typed and copied.
const TEXT: [&str; 6] = ["SEEN", "ANSWER", "TITLE", "DESCRIPTION", "CHECK", "CHANGE"];

/// A word of running text that is longer may be broken where the terminal is too narrow.
const TEXT_WORD: u16 = 24;

/// A cell that is no wider isn't spread over lines: there is nothing to be won.
const NARROW: u16 = 12;

/// The table's text: without the padding at the left and at the ends of lines. An address that is broken in two can't
/// be copied, so where the terminal is too narrow for the longest words, the table is wider than the terminal.
pub fn render(table: &mut Table) -> String {
    let widths: Vec<Width> = columns(table);
    let fitted = table.width().map(|room| fit(&widths, room));
    let last = widths.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        let gap = if index == last { 0 } else { GAP };
        column.set_padding((0, gap));
        if let Some(fitted) = &fitted {
            column.set_constraint(ColumnConstraint::Absolute(Fixed(fitted[index].saturating_add(gap))));
        }
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// How wide a column is to be, in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Width {
    /// So that nothing is spread over lines.
    full: u16,
    /// So that no word is broken that matters.
    least: u16,
}

/// What the columns' cells want.
fn columns(table: &Table) -> Vec<Width> {
    let full = table.column_max_content_widths().into_iter().enumerate();
    full.map(|(index, full)| {
        let cells = table.column_cells_with_header_iter(index).flatten().map(Cell::content);
        let longest = cells.filter_map(|text| text.split_whitespace().map(letters).max()).max().unwrap_or(0);
        let heading = table.header().and_then(|row| row.cell_iter().nth(index)).map(Cell::content);
        let is_text = heading.is_some_and(|heading| TEXT.contains(&heading.as_str()));
        let word = if is_text { longest.min(TEXT_WORD) } else { longest };
        Width { full, least: word.max(NARROW).min(full) }
    })
    .collect()
}

fn letters(word: &str) -> u16 {
    u16::try_from(console::measure_text_width(word)).unwrap_or(u16::MAX)
}

/// The columns' widths, so that they fit into the room as far as that is possible: the widest give way first.
fn fit(columns: &[Width], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.full).collect();
    let gaps = usize::from(GAP) * columns.len().saturating_sub(1);
    let room = usize::from(room).saturating_sub(gaps);
    while widths.iter().copied().map(usize::from).sum::<usize>() > room {
        let shrinkable = (0..widths.len()).filter(|index| widths[*index] > columns[*index].least);
        let Some(widest) = shrinkable.max_by_key(|index| widths[*index]) else { break };
        widths[widest] -= 1;
    }
    widths
}

/// What a cell says about the state of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Look at it.
    Doubtful,
    /// Wrong.
    Bad,
    /// Of no concern.
    Faint,
}

/// A cell in the tone's colour.
pub fn cell(text: impl ToString, tone: Tone) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Good => cell.fg(comfy_table::Color::Green),
        Tone::Doubtful => cell.fg(comfy_table::Color::Yellow),
        Tone::Bad => cell.fg(comfy_table::Color::Red).add_attribute(Attribute::Bold),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(room: u16, headings: &[&str], rows: &[&[&str]]) -> String {
        let mut table = new(headings);
        table.force_no_tty().set_width(room);
        for row in rows {
            table.add_row(row.iter().map(Cell::new));
        }
        render(&mut table)
    }

    #[test]
    fn what_is_copied_stays_in_one_piece() {
        let headings = ["SERVICE", "WHAT", "URL", "LOGIN"];
        let rows: [&[&str]; 2] = [
            &[
                "Open Policy Agent of the gateway",
                "UI",
                "http://localhost:31000/explore?orgId=1",
                "admin/admin",
            ],
            &["Grafana", "API", "http://localhost:31001", ""],
        ];
        insta::assert_snapshot!(shown(80, &headings, &rows), @r"
        SERVICE                WHAT  URL                                     LOGIN
        Open Policy Agent of   UI    http://localhost:31000/explore?orgId=1  admin/admin
        the gateway
        Grafana                API   http://localhost:31001
        ");
        let narrow = shown(40, &headings, &rows);
        assert!(narrow.contains("UI    http://localhost:31000/explore?orgId=1  admin/admin"), "{narrow}");
    }

    #[test]
    fn colours_need_no_room() {
        let mut table = new(&["", "SERVICE", "SEEN", "MS"]);
        table.enforce_styling().set_width(80);
        for ms in ["7", "12345"] {
            let seen =
                Cell::new("the leader is http://10.0.0.1:8300 and three of its followers are behind it");
            table.add_row([cell("✔", Tone::Good), Cell::new("consul"), seen, cell(ms, Tone::Faint)]);
        }
        let text = render(&mut table);
        assert!(text.contains("\u{1b}["), "{text:?}");
        let widest = text.lines().map(console::measure_text_width).max();
        assert!(widest.is_some_and(|widest| widest <= 80), "{widest:?}: {text}");
    }

    #[test]
    fn running_text_gives_way_first() {
        let headings = ["", "SERVICE", "CHECK", "SEEN", "MS"];
        let text =
            "the leader is http://10.0.0.1:8300 and three of its four followers are behind by 20 entries";
        let rows: [&[&str]; 1] = [&["✔", "valueverse-consul-server-1", "leader", text, "7"]];
        insta::assert_snapshot!(shown(80, &headings, &rows), @r"
           SERVICE                     CHECK   SEEN                                   MS
        ✔  valueverse-consul-server-1  leader  the leader is http://10.0.0.1:8300     7
                                               and three of its four followers are
                                               behind by 20 entries
        ");
    }
}
