//! Markdown tables that line up in a plain text editor.

/// A table; the first column reads from the left, all others are figures unless named so.
pub struct Table {
    heading: Vec<String>,
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// `left`: how many columns, from the first on, are words.
    pub fn new(heading: &[&str], left: usize) -> Table {
        Table {
            heading: heading.iter().map(|&word| word.to_owned()).collect(),
            left,
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        cells.resize(self.heading.len(), String::new());
        self.rows.push(cells);
    }

    /// The table in Markdown.
    pub fn to_markdown(&self) -> String {
        let columns = 0..self.heading.len();
        let widths: Vec<usize> = columns
            .map(|column| {
                let cells = self.rows.iter().chain([&self.heading]);
                let longest = cells.map(|row| row[column].chars().count()).max();
                // A rule of a column is three signs at least.
                longest.unwrap_or(0).max(3)
            })
            .collect();
        let mut text = self.line(&self.heading, &widths);
        for (column, width) in widths.iter().enumerate() {
            let rule = "-".repeat(*width);
            text += &match column < self.left {
                true => format!("| {rule} "),
                false => format!("| {}: ", &rule[1..]),
            };
        }
        text += "|\n";
        for row in &self.rows {
            text += &self.line(row, &widths);
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            line += &match column < self.left {
                true => format!("| {cell:<width$} "),
                false => format!("| {cell:>width$} "),
            };
        }
        line + "|\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["engine", "ms"], 1);
        table.row(vec!["a – b".to_owned(), "12.50".to_owned()]);
        table.row(vec!["c".to_owned()]);
        let expected = "\
| engine |    ms |
| ------ | ----: |
| a – b  | 12.50 |
| c      |       |
";
        assert_eq!(table.to_markdown(), expected);
    }
}
