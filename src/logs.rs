//! What the process says on standard error: which lines, and in which form.
//!
//! In both forms a line is a line: control characters in what others have sent are written as escapes, so that nobody
//! can forge a line or drive a terminal. Prompts and secrets are kept out where lines are made, not here.

use std::fmt;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::{MakeVisitor, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::Writer;

use crate::cli::LogFormat;
use crate::output::acts;

/// Begins to log. `SIGNALBOX_LOG` says what; without it, warnings and worse.
pub(crate) fn begin(format: LogFormat) {
    let filter = EnvFilter::try_from_env("SIGNALBOX_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).fmt_fields(Escaped).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}

/// Writes `message name=value …` with every control character escaped.
#[derive(Debug, Default)]
struct Escaped;

impl<'writer> MakeVisitor<Writer<'writer>> for Escaped {
    type Visitor = Line<'writer>;

    fn make_visitor(&self, writer: Writer<'writer>) -> Line<'writer> {
        Line { writer, is_first: true, written: Ok(()) }
    }
}

/// One line that is being written.
struct Line<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    written: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, value: &str) -> fmt::Result {
        if !std::mem::take(&mut self.is_first) {
            self.writer.write_char(' ')?;
        }
        if field.name() != "message" {
            write!(self.writer, "{}=", field.name())?;
        }
        value.chars().try_for_each(|it| match it {
            // What a `Debug` has escaped already stays as it is.
            it if acts(it) => write!(self.writer, "{}", it.escape_default()),
            it => self.writer.write_char(it),
        })
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.written.is_ok() {
            self.written = self.write(field, &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_message = field.name() == "message";
        if is_message {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }
}

impl VisitOutput<fmt::Result> for Line<'_> {
    fn finish(self) -> fmt::Result {
        self.written
    }
}

impl VisitFmt for Line<'_> {
    fn writer(&mut self) -> &mut dyn fmt::Write {
        &mut self.writer
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("unpoisoned").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const FORGED: &str = "a\nERROR forged\r\u{1b}[31m\u{2028}b\"";

    fn said(json: bool) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false);
        let say = || tracing::warn!(shown = %FORGED, text = FORGED, debug = ?FORGED, "said {FORGED}");
        if json {
            tracing::subscriber::with_default(lines.json().flatten_event(true).finish(), say);
        } else {
            tracing::subscriber::with_default(lines.fmt_fields(Escaped).finish(), say);
        }
        let bytes = kept.0.lock().expect("unpoisoned").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn nobody_can_forge_a_line_or_drive_a_terminal() {
        for json in [false, true] {
            let line = said(json);
            let (text, end) = line.split_at(line.len() - 1);
            assert_eq!(end, "\n");
            assert!(!text.contains(char::is_control), "{text:?}");
            assert_eq!(text.matches("ERROR forged").count(), 4, "{text}");
        }
        assert!(said(false).contains(r"shown=a\nERROR forged\r\u{1b}[31m\u{2028}b"), "{}", said(false));
    }
}
