//! Lines of containers' output.

use std::io::{self, BufWriter, Write};

use console::{Color, style};
use serde_json::json;

use super::end_on_broken_pipe;
use crate::engine::LogLine;

const COLORS: [Color; 6] =
    [Color::Cyan, Color::Yellow, Color::Green, Color::Magenta, Color::Blue, Color::Red];

/// Writes lines to stdout, buffered.
pub struct LogWriter {
    out: BufWriter<io::Stdout>,
    json: bool,
    timestamps: bool,
    prefix: bool,
    width: usize,
}

impl LogWriter {
    /// `width` is that of the widest `service-N`.
    pub fn new(json: bool, timestamps: bool, prefix: bool, width: usize) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, io::stdout()), json, timestamps, prefix, width }
    }

    /// Writes a line.
    pub fn write(&mut self, service: &str, number: u32, color: usize, line: &LogLine) {
        let written = if self.json {
            writeln!(
                self.out,
                "{}",
                json!({
                    "time": line.time,
                    "service": service,
                    "replica": number,
                    "stream": if line.stderr { "stderr" } else { "stdout" },
                    "message": String::from_utf8_lossy(&line.line),
                })
            )
        } else {
            self.write_text(service, number, color, line)
        };
        end_on_broken_pipe(written);
    }

    fn write_text(&mut self, service: &str, number: u32, color: usize, line: &LogLine) -> io::Result<()> {
        if self.prefix {
            let name = format!("{service}-{number}");
            let width = self.width;
            let prefix = style(format!("{name:width$} |")).fg(COLORS[color % COLORS.len()]);
            write!(self.out, "{prefix} ")?;
        }
        if self.timestamps {
            write!(self.out, "{:.3} ", line.time)?;
        }
        self.out.write_all(&line.line)?;
        self.out.write_all(b"\n")
    }

    /// Lets what was written be seen.
    pub fn flush(&mut self) {
        let flushed = self.out.flush();
        end_on_broken_pipe(flushed);
    }
}
