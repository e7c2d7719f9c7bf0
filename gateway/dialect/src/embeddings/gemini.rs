//! Embeddings in Gemini's words: `batchEmbedContents`.

use bytes::Bytes;

use crate::json::quoted;

/// Writes a request for texts, which are given as JSON strings and go on as such.
pub(super) fn request(texts: Vec<&str>, native_model: &str, dimensions: Option<u64>) -> Bytes {
    let model = quoted(&format!("models/{native_model}"));
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
