//! What an upload of scores came to, in words and as JSON: the same on every command line.

use std::fmt;

use serde_json::{Value, json};

use crate::pb::admin::v1 as pb;

impl pb::ScoresFault {
    /// `tone.csv:3: score: …`: where in which file, what is wrong, and the cure.
    pub fn within(&self, file: &str) -> String {
        let message = &self.message;
        match (self.line, self.place.as_str()) {
            (0, "") => format!("{file}: {message}"),
            (0, place) => format!("{file}: {place}: {message}"),
            (line, "") => format!("{file}:{line}: {message}"),
            (line, place) => format!("{file}:{line}: {place}: {message}"),
        }
    }
}

impl fmt::Display for pb::ScoresFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [self.scorecard.as_str(), self.model.as_deref().unwrap_or_default()] {
            if !place.is_empty() {
                write!(f, "{place}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

impl pb::SavedScorecard {
    /// What became of it: `created`, `updated` or `unchanged`.
    pub fn action(&self) -> &'static str {
        match self.diff.as_ref().and_then(|diff| diff.lines.first()).map(pb::DiffLine::action) {
            Some(pb::Action::Create) => "created",
            Some(pb::Action::Update) => "updated",
            Some(pb::Action::Delete | pb::Action::Unchanged | pb::Action::Unspecified) | None => "unchanged",
        }
    }
}

impl pb::UploadScoresResponse {
    /// The answer without the scores themselves.
    pub fn summary(&self) -> Value {
        let saved = self.scorecards.iter().map(|saved| {
            let scorecard = saved.scorecard.clone().unwrap_or_default();
            json!({"id": scorecard.id, "name": scorecard.name, "version": scorecard.version, "metric": scorecard.metric,
                   "models": scorecard.cells.len(), "etag": saved.etag, "is": saved.action()})
        });
        let flags = self.flags.iter();
        let flags = flags
            .map(|it| json!({"kind": it.kind, "scorecard": it.scorecard, "model": it.model, "message": it.message}));
        let faults = self.faults.iter();
        let faults = faults.map(|it| json!({"line": it.line, "place": it.place, "message": it.message}));
        json!({
            "scorecards": saved.collect::<Vec<_>>(),
            "flags": flags.collect::<Vec<_>>(),
            "unmatched": self.unmatched,
            "faults": faults.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: u32, place: &str, expected: &str) {
        let fault = pb::ScoresFault { line, place: place.to_owned(), message: "is wrong".to_owned() };
        assert_eq!(fault.within("tone.csv"), expected);
    }

    #[test]
    fn faults_stand_at_their_place() {
        check(0, "", "tone.csv: is wrong");
        check(0, "scores[1]", "tone.csv: scores[1]: is wrong");
        check(3, "", "tone.csv:3: is wrong");
        check(3, "score", "tone.csv:3: score: is wrong");
    }
}
