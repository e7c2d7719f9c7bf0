//! Which format a file has, and its bytes as text.

use std::str::FromStr;

use crate::MAX_FILE;
use crate::fault::{Faults, Place};

/// A format of scorecard files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A table with a header, long (a score a row) or wide (a benchmark a column), delimited by `,`, `;` or tabs.
    Csv,
    /// `evalkit.scorecard/1`.
    Json,
    /// Every Eval Ever, schema 0.2 or 0.3: one log, or a list of them.
    Eee,
    /// A leaderboard of Aider, in YAML.
    Aider,
}

impl Format {
    /// Tells a format from the ending of the name, then from the content.
    pub fn sniff(name: &str, text: &str) -> Self {
        let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "yml" | "yaml" => Self::Aider,
            "csv" | "tsv" => Self::Csv,
            _ if text.trim_start().starts_with(['{', '[']) => Self::sniff_json(text),
            _ if text.starts_with("- ") => Self::Aider,
            _ => Self::Csv,
        }
    }

    fn sniff_json(text: &str) -> Self {
        let is_eee = text.contains("\"evaluation_results\"") && text.contains("\"model_info\"");
        if is_eee { Self::Eee } else { Self::Json }
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "eee" => Ok(Self::Eee),
            "aider" => Ok(Self::Aider),
            _ => Err("expected csv, json, eee or aider".to_owned()),
        }
    }
}

/// Returns the bytes as text, without the mark that some programs put before it.
pub(crate) fn decode<'a>(bytes: &'a [u8], faults: &mut Faults) -> Option<&'a str> {
    if bytes.len() > MAX_FILE {
        let message = format!("{} bytes are more than {MAX_FILE}: split the file by benchmark", bytes.len());
        faults.add(&Place::default(), message);
        return None;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        faults.add(&Place::line(1, ""), "is UTF-16: save the file as UTF-8");
        return None;
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => {
            faults.add(&Place::default(), "is empty: give at least one model's score");
            None
        }
        Ok(text) => Some(text),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + memchr::memchr_iter(b'\n', before).count() as u64;
            faults.add(&Place::line(line, ""), "has bytes that are not UTF-8: save the file as UTF-8");
            None
        }
    }
}
