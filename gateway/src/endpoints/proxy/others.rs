//! Models that a body names beside its `model`: for when that one fails, for each request of a batch, for a tool.
//!
//! A key that is limited to models is limited in these too. What is written in a way that cannot be judged here is told,
//! so that such a key is refused it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::endpoints::proxy::said::Members;

/// Further models of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    pub(super) models: Vec<String>,
    /// It could name more.
    pub(super) is_unclear: bool,
}

impl Others {
    /// Reads a member of a body, if it is one that may name models.
    pub(super) fn note(&mut self, name: &str, value: &RawValue) {
        if value.get() == "null" {
            return;
        }
        if is(name, "models") {
            self.note_list(value);
        } else if is(name, "requests") || is(name, "tools") {
            self.note_items(value);
        }
    }

    /// A list to fall back on.
    fn note_list(&mut self, value: &RawValue) {
        match serde_json::from_str::<Vec<String>>(value.get()) {
            Ok(models) => self.models.extend(models),
            Err(_) => self.is_unclear = true,
        }
    }

    /// Requests of a batch, or tools: each may have a `model`, or `params` with one.
    fn note_items(&mut self, value: &RawValue) {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            self.is_unclear = true;
            return;
        };
        for item in items {
            let Some(members) = self.members(item) else { continue };
            for (name, value) in members {
                if is(&name, "model") {
                    self.note_model(value);
                } else if is(&name, "params") {
                    self.note_params(value);
                }
            }
        }
    }

    fn note_params(&mut self, value: &RawValue) {
        let Some(members) = self.members(value) else { return };
        for (name, value) in members {
            if is(&name, "model") {
                self.note_model(value);
            } else {
                self.note(&name, value);
            }
        }
    }

    fn note_model(&mut self, value: &RawValue) {
        match serde_json::from_str::<String>(value.get()) {
            // As Gemini writes it in the requests of a batch.
            Ok(model) => self.models.push(model.strip_prefix("models/").unwrap_or(&model).to_owned()),
            Err(_) => self.is_unclear = true,
        }
    }

    /// The members of an object; what is none has none.
    fn members<'a>(&mut self, value: &'a RawValue) -> Option<Vec<(Cow<'a, str>, &'a RawValue)>> {
        let members = serde_json::from_str::<Members<'a>>(value.get()).ok();
        self.is_unclear |= members.is_none();
        members.map(|Members(members)| members)
    }
}

/// Names are taken whatever their case: some servers do.
fn is(name: &str, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, models: &[&str], is_unclear: bool) {
        let mut others = Others::default();
        others.note(name, serde_json::from_str(value).expect("JSON"));
        let models = models.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(others, Others { models, is_unclear }, "{name} {value}");
    }

    #[test]
    fn every_place_that_may_name_a_model_is_read() {
        check("models", r#"["a","b"]"#, &["a", "b"], false);
        check("Models", r#"["a"]"#, &["a"], false);
        check(
            "requests",
            r#"[{"custom_id":"1","params":{"model":"a","models":["b"]}},{"params":{}}]"#,
            &["a", "b"],
            false,
        );
        check("requests", r#"[{"params":{"model":"a","model":"b"}}]"#, &["a", "b"], false);
        check("requests", r#"[{"model":"models/a","content":{}}]"#, &["a"], false);
        check(
            "tools",
            r#"[{"type":"function","function":{"name":"f"}},{"type":"advisor","model":"a"}]"#,
            &["a"],
            false,
        );
        check("models", "null", &[], false);
        check("messages", r#"[{"model":"a"}]"#, &[], false);
    }

    #[test]
    fn what_cannot_be_judged_is_told() {
        for (name, value) in [
            ("models", r#""a""#),
            ("models", r#"[{"id":"a"}]"#),
            ("requests", "{}"),
            ("requests", r#"["a"]"#),
            ("requests", r#"[{"params":[]}]"#),
            ("tools", r#"[{"model":{"id":"a"}}]"#),
        ] {
            check(name, value, &[], true);
        }
    }
}
