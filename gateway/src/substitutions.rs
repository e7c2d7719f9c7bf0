//! Providers that served another model than the one asked for: counted each time, told in the log once a model.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::ModelId;

/// Models remembered as told; past it they are told again rather than remembered without end.
const REMEMBERED: usize = 4_096;
/// What an upstream says is quoted in the log up to here.
const QUOTED: usize = 128;

/// Whose substitutions the log has told.
#[derive(Default)]
pub(crate) struct Substitutions {
    told: Mutex<HashSet<ModelId>>,
}

impl Substitutions {
    /// Notes one.
    pub(crate) fn met(&self, asked: &ModelId, served: &str) {
        let provider = asked.as_str().split('/').next().unwrap_or_default().to_owned();
        metrics::counter!("signalbox_served_model_mismatch_total", "provider" => provider).increment(1);
        if self.is_new(asked) {
            let served = &served[..served.floor_char_boundary(QUOTED)];
            tracing::warn!(model = %asked, served, "the provider says that it served another model than the one asked for");
        }
    }

    fn is_new(&self, model: &ModelId) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert(model.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{ModelId, REMEMBERED, Substitutions};

    #[test]
    fn a_model_is_told_once_and_memory_is_bounded() {
        let substitutions = Substitutions::default();
        let model = |number: usize| ModelId::parse(&format!("demo/m-{number}")).unwrap();
        assert!(substitutions.is_new(&model(0)));
        assert!(!substitutions.is_new(&model(0)));
        for number in 1..2 * REMEMBERED {
            substitutions.is_new(&model(number));
        }
        assert!(substitutions.told.lock().unwrap().len() <= REMEMBERED);
    }
}
