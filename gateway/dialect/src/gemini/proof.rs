//! Proofs of thought that travel between dialects. Each provider takes its own and refuses all others, so that a proof
//! must still tell whose it is when a conversation comes back in another dialect or goes to another provider.
//!
//! In the canonical form Gemini's proofs of thoughts begin with a mark; proofs of calls do not need one, since nobody
//! else has them. On this dialect's wire, where a proof is bytes in base64, those of others are wrapped with a mark.

use crate::base64;

/// How a Gemini proof begins in the canonical form.
const OURS: &str = "gemini:";
/// How the bytes of another's proof begin on the wire.
const THEIRS: &str = "signalbox:";
/// Instead of a proof that there is none of: Google's word for calls that another model has made.
pub(super) const NO_PROOF: &str = "skip_thought_signature_validator";

/// Why a proof was left out.
pub(super) const FOREIGN: &str = "only this provider's own proofs of thought are taken here";

/// A proof as it stands in a `thoughtSignature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// As the canonical form has it.
    pub(super) signature: String,
    /// Another's whole block: there were no words.
    pub(super) redacted: bool,
}

/// Reads a `thoughtSignature`.
pub(super) fn read(wire: &str) -> Read {
    let theirs = base64::decode(wire).and_then(|bytes| String::from_utf8(bytes).ok());
    let theirs = theirs.as_deref().and_then(|text| text.strip_prefix(THEIRS)).and_then(|rest| rest.split_once(':'));
    match theirs {
        Some((kind, signature)) => Read { signature: signature.to_owned(), redacted: kind == "redacted" },
        None => Read { signature: format!("{OURS}{wire}"), redacted: false },
    }
}

/// Whether a `thoughtSignature` is the wrapped proof of another.
pub(super) fn is_foreign(wire: &str) -> bool {
    for_google(&read(wire).signature).is_none()
}

/// The proof for Google; `None` = it is another's.
pub(super) fn for_google(signature: &str) -> Option<&str> {
    signature.strip_prefix(OURS)
}

/// The proof for a caller of this dialect, who gives it back.
pub(super) fn for_caller(signature: &str, redacted: bool) -> String {
    for_google(signature).filter(|it| base64::decode(it).is_some()).map_or_else(
        || {
            let kind = if redacted { "redacted" } else { "text" };
            base64::encode_for_urls(format!("{THEIRS}{kind}:{signature}").as_bytes())
        },
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_proofs_come_back_as_they_were() {
        let read = read("CpQC+/8=");
        assert_eq!(read, Read { signature: "gemini:CpQC+/8=".into(), redacted: false });
        assert_eq!(for_google(&read.signature), Some("CpQC+/8="));
        assert_eq!(for_caller(&read.signature, false), "CpQC+/8=");
    }

    #[test]
    fn proofs_of_others_come_back_to_them_and_never_reach_google() {
        for redacted in [false, true] {
            let wire = for_caller("EqQB:é", redacted);
            assert!(base64::decode(&wire).is_some());
            assert_eq!(read(&wire), Read { signature: "EqQB:é".into(), redacted });
        }
        assert!(is_foreign(&for_caller("EqQB", false)) && !is_foreign("EqQB"));
        assert_eq!(for_google("EqQB"), None);
    }
}
