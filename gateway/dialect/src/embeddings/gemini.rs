//! Embeddings in Gemini's words: `embedContent` and `batchEmbedContents`.

use bytes::Bytes;

use crate::json::{Edit, Escapes, Kind, Scanner, members_of, quoted, splice};

/// Writes a request for texts, which are given as JSON strings and go on as such.
pub(super) fn request(texts: Vec<&str>, native_model: &str, dimensions: Option<u64>) -> Bytes {
    let model = model(native_model);
    let dimensions = dimensions.map(|it| format!(r#","outputDimensionality":{it}"#)).unwrap_or_default();
    let size: usize = texts.iter().map(|text| text.len() + model.len() + dimensions.len() + 64).sum();
    let mut body = Vec::with_capacity(size + 32);
    body.extend_from_slice(br#"{"requests":["#);
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"model":"#);
        body.extend_from_slice(&model);
        body.extend_from_slice(br#","content":{"parts":[{"text":"#);
        body.extend_from_slice(text.as_bytes());
        body.extend_from_slice(b"}]}");
        body.extend_from_slice(dimensions.as_bytes());
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body.into()
}

/// A model as bodies name it.
pub(super) fn model(native_model: &str) -> Vec<u8> {
    quoted(&format!("models/{native_model}"))
}

/// Rewrites the requests of a caller's batch, a checked JSON text, for another model; the rest of each goes on as it is.
pub(super) fn requests(requests: &str, native_model: &str) -> Vec<u8> {
    let model = model(native_model);
    let mut out = Vec::with_capacity(requests.len() + 64);
    out.push(b'[');
    for request in elements(requests) {
        if out.len() > 1 {
            out.push(b',');
        }
        let mut members = Vec::with_capacity(4);
        // Checked when the body was read, so nothing here can fail.
        if members_of(&mut Scanner::new(request, Escapes::Strict), &mut members).is_ok() {
            splice(request.as_bytes(), &members, &[Edit::set("model", &model)], &mut out);
        }
    }
    out.push(b']');
    out
}

/// The elements of an array, or the one that stands without brackets.
pub(super) fn elements(array: &str) -> Vec<&str> {
    let mut scanner = Scanner::new(array, Escapes::Strict);
    if scanner.peek() != Ok(Kind::Array) {
        return vec![array];
    }
    let mut elements = Vec::new();
    let Ok(mut progress) = scanner.enter_array() else { return elements };
    while let Ok(true) = scanner.next_element(&mut progress) {
        let Ok(element) = scanner.skip() else { break };
        elements.push(scanner.slice(element.span));
    }
    elements
}
