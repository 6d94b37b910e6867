//! A part of the terminal that is drawn again and again in its place.

use std::io::{self, IsTerminal};

use console::Term;

/// What was drawn last, so that it can be taken back.
pub struct Screen {
    terminal: Term,
    drawn: usize,
}

impl Screen {
    /// On stdout, where that is a terminal.
    pub fn of_stdout() -> Option<Self> {
        io::stdout().is_terminal().then(|| Self { terminal: Term::buffered_stdout(), drawn: 0 })
    }

    /// How many lines there is room for.
    pub fn room(&self) -> usize {
        usize::from(self.terminal.size().0).saturating_sub(1).max(1)
    }

    /// Draws the lines in place of those drawn before. What doesn't fit on the terminal is cut off: what has left it
    /// above can't be taken back.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let width = usize::from(self.terminal.size().1);
        self.terminal.clear_last_lines(self.drawn)?;
        let shown = fitting(lines, self.room(), width);
        for line in &shown {
            self.terminal.write_line(line)?;
        }
        self.drawn = shown.len();
        self.terminal.flush()
    }
}

/// As many of the lines as fit, each cut to the width; the last says how many are left out.
fn fitting(lines: &[String], height: usize, width: usize) -> Vec<String> {
    let cut = |line: &String| console::truncate_str(line, width, "…").into_owned();
    if lines.len() <= height {
        return lines.iter().map(cut).collect();
    }
    let mut shown: Vec<String> = lines[..height - 1].iter().map(cut).collect();
    shown.push(format!("… {} more lines", lines.len() - shown.len()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_shown() {
        let lines: Vec<String> = (1..=5).map(|number| format!("line {number} of five")).collect();
        assert_eq!(fitting(&lines, 9, 40), lines);
        assert_eq!(fitting(&lines, 3, 6), ["line …", "line …", "… 3 more lines"]);
        assert_eq!(fitting(&lines, 1, 40), ["… 5 more lines"]);
    }
}
