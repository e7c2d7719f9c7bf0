//! Embeddings in `OpenAI`'s words, for who asked in others.

use bytes::Bytes;

use crate::json::quoted;

/// Writes a request for texts. Numbers are what comes where nothing is said of the encoding.
pub(super) fn request(texts: &[String], native_model: &str, dimensions: Option<u64>) -> Bytes {
    let size: usize = texts.iter().map(|text| text.len() + 8).sum();
    let mut body = Vec::with_capacity(size + native_model.len() + 64);
    body.extend_from_slice(br#"{"model":"#);
    body.extend_from_slice(&quoted(native_model));
    body.extend_from_slice(br#","input":["#);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&quoted(text));
    }
    body.push(b']');
    if let Some(dimensions) = dimensions {
        body.extend_from_slice(format!(r#","dimensions":{dimensions}"#).as_bytes());
    }
    body.push(b'}');
    body.into()
}
