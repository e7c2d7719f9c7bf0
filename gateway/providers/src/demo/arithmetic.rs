//! Finds an arithmetic expression in a text and evaluates it: numbers, + - * /, parentheses, signs.

/// Parentheses deeper than this are not followed.
const MAX_DEPTH: usize = 32;

/// An expression and what it comes to, or why it comes to nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calculation {
    pub(super) expression: String,
    pub(super) result: Result<f64, &'static str>,
}

/// The first expression of a text that is meant to be calculated.
pub(super) fn find(text: &str) -> Option<Calculation> {
    let text = text.replace(['×', '·'], "*").replace('÷', "/").replace('−', "-");
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit() || char == '(') {
        let from = &rest[start..];
        let length = from.find(|char| !is_part(char)).unwrap_or(from.len());
        let candidate = from[..length].trim().trim_end_matches(['.', '+', '-', '*', '/', '(', ' ']);
        if is_meant(candidate)
            && let Some(result) = evaluate(candidate)
        {
            return Some(Calculation { expression: candidate.to_owned(), result });
        }
        rest = &from[length.max(1)..];
    }
    None
}

/// Shows a result without the noise of binary fractions.
pub(super) fn show(number: f64) -> String {
    let rounded = format!("{number:.10}");
    let trimmed = rounded.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

fn is_part(char: char) -> bool {
    char.is_ascii_digit() || ".+-*/() ".contains(char)
}

/// Dates and ranges look like subtraction and division, so those need a blank before the operator.
fn is_meant(candidate: &str) -> bool {
    candidate.contains(['+', '*']) || candidate.contains(" -") || candidate.contains(" /")
}

fn evaluate(text: &str) -> Option<Result<f64, &'static str>> {
    let mut parser = Parser { bytes: text.as_bytes(), at: 0, operators: 0, divided_by_zero: false };
    let value = parser.sum(0)?;
    parser.skip_blanks();
    if parser.at < parser.bytes.len() || parser.operators == 0 {
        return None;
    }
    Some(if parser.divided_by_zero {
        Err("dividing by zero has no result")
    } else if value.is_finite() {
        Ok(value)
    } else {
        Err("the result is too large for me")
    })
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    operators: usize,
    divided_by_zero: bool,
}

impl Parser<'_> {
    fn sum(&mut self, depth: usize) -> Option<f64> {
        let mut value = self.product(depth)?;
        while let Some(operator) = self.take(b"+-") {
            self.operators += 1;
            let right = self.product(depth)?;
            value = if operator == b'+' { value + right } else { value - right };
        }
        Some(value)
    }

    fn product(&mut self, depth: usize) -> Option<f64> {
        let mut value = self.factor(depth)?;
        while let Some(operator) = self.take(b"*/") {
            self.operators += 1;
            let right = self.factor(depth)?;
            if operator == b'*' {
                value *= right;
            } else {
                self.divided_by_zero |= right == 0.0;
                value /= right;
            }
        }
        Some(value)
    }

    fn factor(&mut self, depth: usize) -> Option<f64> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.take(b"-").is_some() {
            return self.factor(depth + 1).map(|value| -value);
        }
        if self.take(b"(").is_some() {
            let value = self.sum(depth + 1)?;
            return self.take(b")").map(|_| value);
        }
        self.number()
    }

    fn number(&mut self) -> Option<f64> {
        self.skip_blanks();
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            self.at += 1;
        }
        std::str::from_utf8(&self.bytes[start..self.at]).ok()?.parse().ok()
    }

    fn take(&mut self, any_of: &[u8]) -> Option<u8> {
        self.skip_blanks();
        let byte = *self.bytes.get(self.at)?;
        any_of.contains(&byte).then(|| {
            self.at += 1;
            byte
        })
    }

    fn skip_blanks(&mut self) {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = find(text).map(|it| it.result.map_or_else(str::to_owned, show));
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn expressions_in_prose_are_calculated() {
        check("What is 12 * 7?", Some("84"));
        check("compute 2+3*4.", Some("14"));
        check("(2 + 3) * -4 please", Some("-20"));
        check("0.1 + 0.2", Some("0.3"));
        check("10 / 4 is?", Some("2.5"));
        check("3 × 4", Some("12"));
        check("In 2024, what is 7 - 9", Some("-2"));
        check("1 / 0", Some("dividing by zero has no result"));
    }

    #[test]
    fn dates_ranges_and_lone_numbers_are_left_alone() {
        for text in ["on 2026-11-22", "11/22/2026", "42", "(see page 3)", "pages 3-5", "", "C++ and 3 cats", "1..2+3"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn sums_and_products_agree_with_the_machine(a in -999_i32..999, b in 1_i32..999, c in 1_i32..999) {
            let found = find(&format!("what is 0 + {a} * {b} - {c}")).map(|it| it.result);
            let found = found.or_else(|| find(&format!("({a}) * {b} - {c}")).map(|it| it.result));
            prop_assert_eq!(found, Some(Ok(f64::from(a * b - c))));
        }

        #[test]
        fn no_text_panics(text in "[0-9+*/(). ×a-]{0,60}") {
            let _ = find(&text);
        }
    }
}
