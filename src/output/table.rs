//! Tables for a terminal: left-aligned columns without lines, so that `cut` and `awk` can read them too.

use comfy_table::{ContentArrangement, TableComponent};

use super::visible;

/// A table that makes its cells visible.
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.remove_style(TableComponent::VerticalLines);
        table.set_content_arrangement(ContentArrangement::Disabled);
        // On a terminal long cells are broken; a pipe gets one line per row.
        if let Some(columns) = super::terminal_columns().and_then(|columns| u16::try_from(columns).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        }
        table.set_header(headings.iter().map(|heading| heading.to_uppercase()).collect::<Vec<_>>());
        Self(table)
    }

    /// Adds a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        self.0.add_row(cells.into_iter().map(visible).collect::<Vec<_>>());
    }

    /// The table as text with a line break at its end.
    pub fn render(&self) -> String {
        let lines = self.0.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_the_table() {
        let mut table = Table::new(&["name", "value"]);
        table.row(["a", "b\nc\u{1b}[31m"]);
        let text = table.render();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("NAME") && text.contains("b\\nc\\u{1b}[31m"), "{text}");
    }
}
