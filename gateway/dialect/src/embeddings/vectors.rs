//! Vectors as they stand in a body: arrays of numbers, or base64 of little-endian floats.

use crate::base64;
use crate::json::{Kind, Scanner, Span, SyntaxFault};

/// A vector of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vector {
    /// All of it: an array or a string.
    pub(super) span: Span,
    /// How long it is.
    pub(super) dimensions: usize,
    /// To which input it belongs, where that is said.
    pub(super) place: Option<u64>,
}

/// Reads a vector; `None` = something else stands here, which is skipped.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Vector>, SyntaxFault> {
    let kind = scanner.peek()?;
    let start = scanner.position();
    let mut dimensions = 0;
    match kind {
        Kind::Array => {
            let mut is_odd = false;
            let mut elements = scanner.enter_array()?;
            while scanner.next_element(&mut elements)? {
                is_odd |= scanner.peek()? != Kind::Number;
                scanner.skip()?;
                dimensions += 1;
            }
            if is_odd {
                return Ok(None);
            }
        }
        Kind::String => {
            let text = scanner.string()?;
            let padding = scanner.slice(text.span).bytes().rev().take_while(|byte| *byte == b'=').count();
            dimensions = (text.span.len() / 4 * 3).saturating_sub(padding) / size_of::<f32>();
        }
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            scanner.skip()?;
            return Ok(None);
        }
    }
    Ok((dimensions > 0).then_some(Vector { span: Span { start, end: scanner.position() }, dimensions, place: None }))
}

/// Writes an array of numbers as base64 of little-endian floats, quotes included.
pub(super) fn write_base64(array: &str, out: &mut Vec<u8>) {
    let numbers = array.trim_matches(['[', ']']).split(',');
    let bytes: Vec<u8> =
        numbers.filter_map(|number| number.trim().parse::<f32>().ok()).flat_map(f32::to_le_bytes).collect();
    out.push(b'"');
    out.extend_from_slice(base64::encode(&bytes).as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    #[test]
    fn floats_are_written_little_endian() {
        let mut out = Vec::new();
        write_base64("[1.0, -2e0,\n0.5]", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\"AACAPwAAAMAAAAA/\"");
    }

    #[test]
    fn the_length_of_either_form_is_known() {
        let dimensions = |text| read(&mut Scanner::new(text, Escapes::Lenient)).unwrap().map(|it| it.dimensions);
        assert_eq!(dimensions("[1, 2.5, -3e-2]"), Some(3));
        assert_eq!(dimensions("\"AACAPwAAAMAAAAA/\""), Some(3));
        assert_eq!(dimensions("\"AACAPwAAAMA=\""), Some(2));
        for other in ["[]", "\"\"", "7", "{}", "[1,\"x\"]", "null"] {
            assert_eq!(dimensions(other), None, "{other}");
        }
    }
}
