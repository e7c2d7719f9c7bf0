//! What requests and answers say in the same way: texts, thoughts and their proofs, code that the provider has run.

use crate::canonical::Part;
use crate::gemini::proof::{self, Read};
use crate::json::Node;

/// A text and what is told about it.
#[derive(Clone, Copy)]
pub(in crate::gemini) struct Said<'a> {
    pub(in crate::gemini) text: &'a str,
    pub(in crate::gemini) thought: bool,
    pub(in crate::gemini) signature: Option<&'a str>,
}

impl Said<'_> {
    /// Adds it to what was said before. Thoughts come in pieces, and a proof ends them.
    pub(super) fn add_to(self, parts: &mut Vec<Part>) {
        let Self { text, thought, signature } = self;
        let proof = signature.map(proof::read);
        if thought {
            return think(text, proof, parts);
        }
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        parts.extend(proof.map(|proof| redacted(proof.signature)));
    }
}

fn think(text: &str, proof: Option<Read>, parts: &mut Vec<Part>) {
    let before = match parts.last_mut() {
        Some(Part::Reasoning { text, signature: signature @ None, redacted: false }) => Some((text, signature)),
        _ => None,
    };
    match (before, proof) {
        (None, None) if text.is_empty() => {}
        (_, Some(Read { signature, redacted: true })) => parts.push(redacted(signature)),
        (Some((earlier, slot)), proof) => {
            earlier.push_str(text);
            *slot = proof.map(|proof| proof.signature);
        }
        (None, Some(Read { signature, .. })) if text.is_empty() && proof::for_google(&signature).is_some() => {
            parts.push(redacted(signature));
        }
        (None, proof) => {
            let signature = proof.map(|proof| proof.signature);
            parts.push(Part::Reasoning { text: text.to_owned(), signature, redacted: false });
        }
    }
}

fn redacted(signature: String) -> Part {
    Part::Reasoning { text: String::new(), signature: Some(signature), redacted: true }
}

/// Code that ran at the provider, or what it printed, as the text that other dialects can show.
pub(in crate::gemini) fn code(part: &Node<'_>) -> Option<String> {
    if let Some(code) = part.get("executableCode") {
        let language = code.str_of("language").unwrap_or_default().to_ascii_lowercase();
        return Some(format!("```{language}\n{}\n```\n", code.str_of("code").unwrap_or_default().trim_end()));
    }
    let result = part.get("codeExecutionResult")?;
    Some(format!("```\n{}\n```\n", result.str_of("output").unwrap_or_default().trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    fn thought(text: &str, signature: Option<&str>) -> Part {
        Part::Reasoning { text: text.into(), signature: signature.map(str::to_owned), redacted: false }
    }

    fn said(pieces: &[(&str, bool, Option<&str>)]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (text, thought, signature) in pieces {
            Said { text, thought: *thought, signature: *signature }.add_to(&mut parts);
        }
        parts
    }

    #[test]
    fn thoughts_in_pieces_are_one_thought_until_their_proof() {
        let found = said(&[("a", true, None), ("b", true, None), ("", true, Some("AQID")), ("c", true, None)]);
        assert_eq!(found, [thought("ab", Some("gemini:AQID")), thought("c", None)]);
    }

    #[test]
    fn the_proof_of_a_text_is_a_block_without_words() {
        let found = said(&[("hello", false, None), ("", false, Some("AQID"))]);
        assert_eq!(found, [Part::text("hello"), redacted("gemini:AQID".into())]);
        assert_eq!(said(&[("", false, None), ("", true, None)]), []);
    }

    #[test]
    fn code_of_the_provider_is_shown_as_text() {
        let body = r#"{"executableCode":{"language":"PYTHON","code":"print(1)\n"}}"#;
        assert_eq!(code(&Node::parse(body, Escapes::Strict).unwrap()).unwrap(), "```python\nprint(1)\n```\n");
    }
}
