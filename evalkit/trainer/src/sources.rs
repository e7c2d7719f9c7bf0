//! Which outcomes a run learns from: public ones, a team's own, or both.

use std::path::{Path, PathBuf};

use datasets::{Corpus, DatasetError, OwnOutcomes, Purpose, own};

use crate::TrainError;

/// Reads the public folder, if one is named, and adds the files of own rows as source `own`.
///
/// # Errors
/// When neither is named, a row is bad, or two files disagree about a prompt.
pub fn corpus(public: Option<&Path>, rows: &[PathBuf]) -> Result<Corpus, TrainError> {
    if public.is_none() && rows.is_empty() {
        let reason = "is not given, and neither are own `rows`: there are no outcomes to learn from".to_owned();
        return Err(TrainError::Config { key: "data", reason });
    }
    let mut corpus = public.map(Corpus::load).transpose()?.unwrap_or_default();
    for path in rows {
        add(&mut corpus, path, OwnOutcomes::load(path, Purpose::Train)?)?;
    }
    Ok(corpus)
}

/// Adds one file. Ids get the source's name, so that they cannot be a public prompt's.
fn add(corpus: &mut Corpus, path: &Path, rows: OwnOutcomes) -> Result<(), TrainError> {
    let unfit = |reason: String| DatasetError::Unfit { path: path.to_owned(), reasons: vec![reason] };
    let named = |id: &str| format!("{}/{id}", own::SOURCE);
    let rows = rows.into_corpus();
    for (id, mut prompt) in rows.prompts {
        prompt.id = named(&id);
        match corpus.prompts.get(&prompt.id) {
            Some(known) if known.prompt != prompt.prompt => {
                let reason = format!("id `{id}` stands for another prompt in an earlier file; give each its own id");
                return Err(unfit(reason).into());
            }
            // The first file says on which side of the split a prompt is.
            Some(_) => {}
            None => drop(corpus.prompts.insert(prompt.id.clone(), prompt)),
        }
    }
    let known = corpus.outcomes.entry(own::SOURCE.to_owned()).or_default();
    let mut scores: std::collections::HashMap<_, _> =
        known.iter().map(|it| ((it.prompt_id.clone(), it.model.clone()), it.score)).collect();
    for mut row in rows.outcomes.into_values().flatten() {
        row.prompt_id = named(&row.prompt_id);
        match scores.insert((row.prompt_id.clone(), row.model.clone()), row.score) {
            None => known.push(row),
            Some(other) if (other - row.score).abs() <= f64::EPSILON => {}
            Some(other) => {
                let reason = format!(
                    "`{}` on `{}` is scored {} here and {other} in an earlier file; keep one, or their mean",
                    row.model, row.prompt_id, row.score
                );
                return Err(unfit(reason).into());
            }
        }
    }
    let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    corpus.hashes.extend(rows.hashes.into_values().map(|hash| (format!("{} {name}", own::SOURCE), hash)));
    Ok(())
}
