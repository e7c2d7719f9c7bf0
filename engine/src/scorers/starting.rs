//! Finds the scorer to start with: the promoted one, else the one before, else the one that comes with the program.
//!
//! A damaged scorer never keeps an engine from starting: what happened is kept as faults, for the log, `doctor`, status
//! and metrics. A scorer that the command line names is another matter; whoever names it judges it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scorer::{ArtifactError, Scorer};
use tracing::error;

use super::probe::{self, Probed};
use super::state::{Choice, State};
use super::store::Store;

/// At a start the machine has other work as well; a scorer that was within its bound when it came is given time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an engine starts with.
pub struct StartingScorers {
    pub(crate) serving: Arc<dyn Scorer>,
    pub(crate) shadow: Option<(Arc<dyn Scorer>, f64)>,
    /// What is so, which after a fault is not what the file says.
    pub(crate) state: State,
    pub(crate) faults: Vec<String>,
    pub(crate) store: Option<Store>,
    pub(crate) pinned: Option<String>,
}

/// Why there is no scorer at all.
#[derive(Debug, thiserror::Error)]
pub enum StartingError {
    /// The program is damaged.
    #[error("the built-in scorer cannot be used; install the program again")]
    BuiltIn(#[source] ArtifactError),
    /// The scorer does not score.
    #[error("the scorer {version} cannot be used: {reason}")]
    Unusable {
        /// Which.
        version: String,
        /// What it did.
        reason: String,
    },
}

impl StartingScorers {
    /// One scorer and no folder: nothing can be promoted.
    pub fn fixed(scorer: Arc<dyn Scorer>) -> Self {
        Self {
            serving: scorer,
            shadow: None,
            state: State::default(),
            faults: Vec::new(),
            store: None,
            pinned: Some("one fixed scorer".to_owned()),
        }
    }

    /// The scorer that the command line names, `how` in words such as `--scorer heuristic`. Others may run in shadow.
    ///
    /// # Errors
    /// When it does not score.
    pub fn pinned(scorer: Arc<dyn Scorer>, how: &str, folder: &Path) -> Result<Self, StartingError> {
        try_out(scorer.as_ref())?;
        let mut starting = Self { pinned: Some(how.to_owned()), ..Self::fixed(scorer) };
        starting.open_store(folder);
        starting.find_shadow();
        Ok(starting.told())
    }

    /// The scorer that was promoted in this folder, or the best that can be had instead.
    ///
    /// # Errors
    /// When not even the built-in one works.
    pub fn open(folder: &Path) -> Result<Self, StartingError> {
        Ok(Self::found(open_store(folder))?.told())
    }

    /// What [`open`](Self::open) would find; changes nothing and logs nothing.
    ///
    /// # Errors
    /// When not even the built-in one works.
    pub fn inspect(folder: &Path) -> Result<Self, StartingError> {
        let store = Store::at(folder);
        let (state, faults) = State::load(store.folder());
        Self::found((Some(store), state, faults))
    }

    fn found(opened: OpenedStore) -> Result<Self, StartingError> {
        let (serving, state, store, faults) = find_serving(opened)?;
        let mut starting = Self { serving, shadow: None, state, faults, store, pinned: None };
        starting.find_shadow();
        Ok(starting)
    }

    /// What could not be used, in sentences.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The version that serves.
    pub fn version(&self) -> &Arc<str> {
        self.serving.version()
    }

    fn open_store(&mut self, folder: &Path) {
        let (store, state, faults) = open_store(folder);
        self.store = store;
        self.state = state;
        self.faults.extend(faults);
    }

    fn find_shadow(&mut self) {
        let Some(wanted) = &self.state.shadow else { return };
        match load(self.store.as_ref(), &wanted.which) {
            Ok(scorer) => self.shadow = Some((scorer, wanted.share)),
            Err(reason) => {
                self.faults.push(format!("{} does not run in shadow: {reason}", named(&wanted.which)));
                self.state.shadow = None;
            }
        }
    }

    fn told(self) -> Self {
        for fault in &self.faults {
            error!(serving = %self.version(), "{fault}");
        }
        self
    }
}

type Found = (Arc<dyn Scorer>, State, Option<Store>, Vec<String>);

type OpenedStore = (Option<Store>, State, Vec<String>);

fn find_serving((store, mut state, mut faults): OpenedStore) -> Result<Found, StartingError> {
    let wanted = std::iter::once(state.current.clone()).chain(state.previous.clone());
    for (place, choice) in wanted.enumerate() {
        if choice == Choice::BuiltIn {
            break;
        }
        match load(store.as_ref(), &choice) {
            Ok(scorer) => {
                if place > 0 {
                    faults.push(format!("{} serves instead, the one before", named(&choice)));
                    state.previous = None;
                }
                state.current = choice;
                return Ok((scorer, state, store, faults));
            }
            Err(reason) => {
                let what = if place == 0 { "the promoted scorer" } else { "the scorer before" };
                let name = named(&choice);
                faults.push(format!("{what} {name} cannot be used: {reason}; upload it again or promote another"));
            }
        }
    }
    let scorer = scorer::builtin::load().map_err(StartingError::BuiltIn)?;
    try_out(&scorer)?;
    if state.current != Choice::BuiltIn {
        faults.push(format!("the built-in scorer {} serves instead", scorer.version()));
        state.current = Choice::BuiltIn;
        state.previous = None;
    }
    Ok((Arc::new(scorer), state, store, faults))
}

fn open_store(folder: &Path) -> OpenedStore {
    match Store::open(folder) {
        Ok(store) => {
            let (state, faults) = State::load(store.folder());
            (Some(store), state, faults)
        }
        Err(error) => {
            let fault = format!("the scorers' folder {} cannot be used: {error}", folder.display());
            (None, State::default(), vec![fault])
        }
    }
}

/// Loads a scorer and tries it.
fn load(store: Option<&Store>, choice: &Choice) -> Result<Arc<dyn Scorer>, String> {
    let scorer: Arc<dyn Scorer> = match (choice, store) {
        (Choice::BuiltIn, _) => Arc::new(scorer::builtin::load().map_err(|error| error.to_string())?),
        (Choice::Stored(version), Some(store)) => Arc::new(store.load(version)?),
        (Choice::Stored(_), None) => return Err("there is no folder of scorers".to_owned()),
    };
    probe::probe(scorer.as_ref(), PATIENCE)?;
    Ok(scorer)
}

fn try_out(scorer: &dyn Scorer) -> Result<Probed, StartingError> {
    let unusable = |reason| StartingError::Unusable { version: scorer.version().to_string(), reason };
    probe::probe(scorer, PATIENCE).map_err(unusable)
}

fn named(choice: &Choice) -> String {
    match choice {
        Choice::BuiltIn => "the built-in scorer".to_owned(),
        Choice::Stored(version) => version.clone(),
    }
}
