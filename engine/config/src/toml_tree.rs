//! TOML to [`Node`]. The parser recovers, so every fault of syntax is told at once.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::ConfigFault;
use crate::node::{Entry, Node, Spot, Value};

/// Returns the tree of a TOML document.
///
/// # Errors
/// Every fault of syntax.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<ConfigFault>> {
    let lines = Lines::of(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            let spot = error.span().map_or(Spot::START, |span| lines.spot(span.start));
            ConfigFault::new("", spot, format!("not valid TOML: {}", error.message().replace('\n', ", ")))
        };
        return Err(errors.iter().map(fault).collect());
    }
    Ok(Node { spot: Spot::START, value: table(document.get_ref(), &lines) })
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    Node { spot: lines.spot(value.span().start), value: converted(value.get_ref(), lines) }
}

fn converted(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        // What fits no 128 bits is out of every range that a reader accepts.
        DeValue::Integer(number) => {
            Value::Integer(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(entries) => table(entries, lines),
    }
}

fn table(entries: &DeTable<'_>, lines: &Lines) -> Value {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
        key: key.get_ref().to_string(),
        spot: lines.spot(key.span().start),
        node: node(value, lines),
    };
    Value::Table(entries.iter().map(entry).collect())
}

/// Turns byte offsets into lines and columns by two binary searches, so that one enormous line costs no more than
/// many short ones.
struct Lines {
    starts: Vec<usize>,
    /// Offsets of bytes that start no character.
    continuations: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let bytes = || text.bytes().enumerate();
        let starts = std::iter::once(0).chain(bytes().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        let continuations = bytes().filter(|(_, byte)| byte & 0b1100_0000 == 0b1000_0000).map(|(at, _)| at);
        Self { starts: starts.collect(), continuations: continuations.collect() }
    }

    fn spot(&self, offset: usize) -> Spot {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let continuations_before = |at: usize| self.continuations.partition_point(|offset| *offset < at);
        let skipped = continuations_before(offset) - continuations_before(start);
        Spot { line, column: 1 + offset - start - skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::of("a\nüß = x\n");
        assert_eq!(lines.spot(0), Spot { line: 1, column: 1 });
        assert_eq!(lines.spot(9), Spot { line: 2, column: 6 });
        assert_eq!(lines.spot(11), Spot { line: 3, column: 1 });
    }
}
