//! The scorers of an engine: the one that serves, the one before, one in shadow, and those that are kept.
//!
//! The serving scorer is swapped atomically: a batch takes it once and is scored wholly by it. Changes come one at a
//! time; the file is written first and the swap follows, which cannot fail, so a change has happened or it has not.
//! How prompts reach the scorer is the business of `batcher`, what the calls look like that of `service`.

mod disagreement;
mod probe;
mod promotion;
pub(crate) mod service;
mod shadow;
mod starting;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod upload;
mod whole;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::Clock;
use metrics::{counter, gauge};
use proto::gate::{GATE, NotPassed};
use scorer::Scorer;
use tokio::sync::{Mutex as TurnMutex, Semaphore};
use tracing::{info, warn};

pub use starting::{StartingError, StartingScorers};

pub(crate) use self::shadow::{Shadow, Told};
use self::state::{Choice, Event, ShadowChoice, State};
use self::store::{Kept, Store, load_files};
use self::upload::Upload;

/// What stands for the built-in scorer, whichever version it is.
const BUILT_IN: &str = "built-in";

/// Why a change was not made. What serves goes on serving.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScorersError {
    #[error("the engine was started with {0}, which decides what serves: restart it without to promote or go back")]
    Pinned(String),
    #[error("this engine keeps no scorers: its folder cannot be used, see `doctor`")]
    NoStore,
    #[error("version: there is no scorer `{version}`; there are {known}")]
    Unknown { version: String, known: String },
    #[error("version: {0} serves; promote another first")]
    Serving(String),
    #[error("version: {0} comes with the program and cannot be removed")]
    BuiltIn(String),
    #[error("version: {0} serves already, so it would agree with itself; run another in shadow")]
    ShadowOfItself(String),
    #[error("share: {0} is not above 0 and at most 1")]
    Share(String),
    #[error("nothing served before: promote a version by name")]
    NothingBefore,
    #[error("{version} cannot be used: {reason}")]
    Unusable { version: String, reason: String },
    #[error(
        "{version} serves out of memory, but its folder is damaged: {reason}; bring it again with \
         `signalbox scorer upload`, or promote another before the next start"
    )]
    Damaged { version: String, reason: String },
    #[error(
        "{version} has not passed: {fault}; mend it, pass `evalkit gate` and upload it again, or promote it all the \
         same with --force --reason TEXT"
    )]
    NotPassed { version: String, fault: NotPassed },
    #[error("reason: say why the gate is overridden; it is kept with the change")]
    NoReason,
    #[error("the upload was refused: {0}")]
    Refused(String),
    #[error("version: {0} is there already with other content; give the new one a version of its own")]
    Conflict(String),
    #[error("{0} scorers are kept, which is the most: remove one first")]
    Full(usize),
    #[error("the change could not be written: {0}")]
    Write(String),
    #[error("the deadline passed: the change may still come about, the list of scorers shows it")]
    Late,
    #[error("the change broke off: try again")]
    Interrupted,
}

/// What a promotion or a rollback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) serving: String,
    pub(crate) previous: Option<String>,
    pub(crate) unchanged: bool,
    /// What the operator should know of what serves now.
    pub(crate) warning: Option<String>,
}

/// What an upload came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uploaded {
    pub(crate) version: String,
    pub(crate) already_there: bool,
    pub(crate) slowest: Duration,
    pub(crate) load: Duration,
}

/// A scorer in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) kept: Kept,
    pub(crate) built_in: bool,
    pub(crate) serving: bool,
    pub(crate) previous: bool,
    pub(crate) shadow: bool,
}

/// All scorers of an engine.
pub(crate) struct Scorers {
    serving: ArcSwap<Arc<dyn Scorer>>,
    shadow: ArcSwapOption<Shadow>,
    book: Mutex<Book>,
    /// Held while something is changed.
    turn: Arc<TurnMutex<()>>,
    /// Uploads that may be in memory.
    uploads: Arc<Semaphore>,
    store: Option<Store>,
    pinned: Option<String>,
    built_in: OnceLock<Arc<str>>,
    clock: Arc<dyn Clock>,
}

/// What lists show. Locked for moments only.
struct Book {
    state: State,
    faults: Vec<String>,
}

// === Serving ===

impl Scorers {
    pub(crate) fn new(starting: StartingScorers, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let StartingScorers { serving, shadow, state, faults, store, pinned } = starting;
        gauge!("signalbox_scorer_faults").set(faults.len() as f64);
        gauge!("signalbox_scorer_serving", "version" => serving.version().to_string()).set(1.0);
        let against = serving.version().clone();
        let shadow = shadow.map(|(scorer, share)| Shadow::start(scorer, share, against)).transpose()?;
        Ok(Self {
            serving: ArcSwap::from_pointee(serving),
            shadow: ArcSwapOption::new(shadow.map(Arc::new)),
            book: Mutex::new(Book { state, faults }),
            turn: Arc::default(),
            uploads: Arc::new(Semaphore::new(1)),
            store,
            pinned,
            built_in: OnceLock::new(),
            clock,
        })
    }

    /// The scorer that serves now. Whoever scores a batch takes it once.
    pub(crate) fn serving(&self) -> Arc<dyn Scorer> {
        Arc::clone(&self.serving.load())
    }

    /// What runs in shadow.
    pub(crate) fn shadow(&self) -> Option<Arc<Shadow>> {
        self.shadow.load_full()
    }

    /// Why another than the promoted one serves since the start.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.book().faults.clone()
    }

    fn install(&self, scorer: Arc<dyn Scorer>) {
        let version = scorer.version().clone();
        let before = self.serving.swap(Arc::new(scorer));
        gauge!("signalbox_scorer_serving", "version" => before.version().to_string()).set(0.0);
        gauge!("signalbox_scorer_serving", "version" => version.to_string()).set(1.0);
        match self.shadow() {
            Some(shadow) if *shadow.version() == version => self.shadow.store(None),
            Some(shadow) => shadow.restart(version),
            None => {}
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while the lock is held; if it did, the book would still be a book.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === Changes, one at a time ===

impl Scorers {
    /// Makes a change on a thread that may block, when its turn comes. A caller who leaves does not undo it.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        within: Duration,
        work: impl FnOnce(&Self) -> Result<T, ScorersError> + Send + 'static,
    ) -> Result<T, ScorersError> {
        let scorers = self.clone();
        let changed = async {
            let turn = scorers.turn.clone().lock_owned().await;
            let blocking = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work(&scorers)
            });
            blocking.await.unwrap_or(Err(ScorersError::Interrupted))
        };
        tokio::time::timeout(within, changed).await.unwrap_or(Err(ScorersError::Late))
    }

    /// Runs a version in shadow, or none.
    pub(crate) fn set_shadow(&self, wanted: Option<(&str, f64)>) -> Result<(), ScorersError> {
        let Some((version, share)) = wanted else { return self.end_shadow() };
        if !(share > 0.0 && share <= 1.0) {
            return Err(ScorersError::Share(share.to_string()));
        }
        let which = self.find(version)?;
        let choice = ShadowChoice { which, share };
        if self.book().state.shadow.as_ref() == Some(&choice) && self.shadow().is_some() {
            return Ok(());
        }
        let scorer = self.load(&choice.which)?;
        let serving = self.serving().version().clone();
        if *scorer.version() == serving {
            return Err(ScorersError::ShadowOfItself(serving.to_string()));
        }
        let version = store::version_of(scorer.as_ref());
        let shadow = Shadow::start(scorer, share, serving).map_err(|error| ScorersError::Write(error.to_string()))?;
        let mut state = self.book().state.clone();
        state.shadow = Some(choice);
        self.commit(state, "shadow", version, None, None)?;
        self.shadow.store(Some(Arc::new(shadow)));
        Ok(())
    }

    fn end_shadow(&self) -> Result<(), ScorersError> {
        let Some(shadow) = self.shadow() else { return Ok(()) };
        let mut state = self.book().state.clone();
        state.shadow = None;
        self.commit(state, "shadow off", shadow.version().to_string(), None, None)?;
        self.shadow.store(None);
        Ok(())
    }

    /// Checks, tries and keeps a scorer.
    pub(crate) fn upload(&self, upload: &Upload) -> Result<Uploaded, ScorersError> {
        let store = self.store.as_ref().ok_or(ScorersError::NoStore)?;
        let began = Instant::now();
        let scorer = load_files(&upload.files).map_err(ScorersError::Refused)?;
        let load = began.elapsed();
        let version = store::version_of(&scorer);
        if let Some(fault) = store::fault_of_version(&version) {
            return Err(ScorersError::Refused(fault));
        }
        let probed = probe::probe(&scorer, probe::LIMIT).map_err(ScorersError::Refused)?;
        let uploaded =
            |already_there| Uploaded { version: version.clone(), already_there, slowest: probed.slowest, load };
        if self.is_built_in(&version, upload)? {
            return Ok(uploaded(true));
        }
        if let Some(known) = store.manifest(&version) {
            // A manifest holds the hash of every other file: equal manifests, equal scorers.
            let is_same =
                upload.files.iter().any(|(name, content)| *name == scorer::artifact::MANIFEST && *content == known);
            if !is_same {
                return Err(ScorersError::Conflict(version));
            }
            renew_gate(store, &version, upload)?;
            return Ok(uploaded(true));
        }
        let serving = self.serving();
        if **serving.version() == *version {
            // Its folder is damaged, else its manifest had been found: only the same scorer may take the place.
            let known = probe::probe(serving.as_ref(), probe::LIMIT).map_err(|reason| unusable(&version, reason))?;
            if !probed.agrees_with(&known) {
                return Err(ScorersError::Conflict(version));
            }
        }
        let kept = store.versions().map_err(|error| ScorersError::Write(error.to_string()))?;
        if kept.len() >= store::MOST && !kept.contains(&version) {
            return Err(ScorersError::Full(store::MOST));
        }
        store.put(&version, &upload.files).map_err(|error| ScorersError::Write(error.to_string()))?;
        let state = self.book().state.clone();
        self.commit(state, "upload", version.clone(), None, upload.reason.clone())?;
        Ok(uploaded(false))
    }

    /// Deletes a version that does not serve; says whether there was one.
    pub(crate) fn remove(&self, version: &str) -> Result<bool, ScorersError> {
        let store = self.store.as_ref().ok_or(ScorersError::NoStore)?;
        if !store.has(version) {
            let is_built_in = version == BUILT_IN || version == self.built_in_version()?.as_ref();
            return if is_built_in { Err(ScorersError::BuiltIn(version.to_owned())) } else { Ok(false) };
        }
        let choice = Choice::Stored(version.to_owned());
        let mut state = self.book().state.clone();
        if state.current == choice {
            return Err(ScorersError::Serving(version.to_owned()));
        }
        state.previous = state.previous.filter(|it| *it != choice);
        let was_shadow = state.shadow.as_ref().is_some_and(|it| it.which == choice);
        state.shadow = state.shadow.filter(|it| it.which != choice);
        self.commit(state, "remove", version.to_owned(), None, None)?;
        if was_shadow {
            self.shadow.store(None);
        }
        store.remove(version).map_err(|error| ScorersError::Write(error.to_string()))
    }

    /// Writes a new state, then holds to it.
    fn commit(
        &self,
        mut state: State,
        action: &'static str,
        version: String,
        before: Option<String>,
        reason: Option<String>,
    ) -> Result<(), ScorersError> {
        let store = self.store.as_ref().ok_or(ScorersError::NoStore)?;
        // A change that needed words deserves to be seen in a log that shows warnings only.
        if let Some(reason) = &reason {
            warn!(action, version, before, reason, "scorers changed");
        } else {
            info!(action, version, before, "scorers changed");
        }
        state.remember(Event { at: self.clock.wall(), action: action.to_owned(), version, before, reason });
        state.save(store.folder()).map_err(|error| ScorersError::Write(error.to_string()))?;
        self.book().state = state;
        counter!("signalbox_scorer_changes_total", "action" => action).increment(1);
        Ok(())
    }

    fn check_not_pinned(&self) -> Result<(), ScorersError> {
        match &self.pinned {
            Some(how) => Err(ScorersError::Pinned(how.clone())),
            None => Ok(()),
        }
    }
}

// === Looking ===

impl Scorers {
    /// All scorers, the serving one first.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, ScorersError> {
        let (state, serving, shadow) = (self.book().state.clone(), self.serving(), self.shadow());
        let is_shadow =
            |choice: &Choice| shadow.is_some() && state.shadow.as_ref().is_some_and(|shadow| shadow.which == *choice);
        let listed = |kept: Kept, choice: &Choice| Listed {
            built_in: *choice == Choice::BuiltIn,
            serving: self.pinned.is_none() && state.current == *choice,
            previous: state.previous.as_ref() == Some(choice),
            shadow: is_shadow(choice),
            kept,
        };
        let bare = |version: &str| Kept { version: version.to_owned(), bytes: 0, fault: None, gate: None };
        let mut all = vec![listed(bare(&self.built_in_version()?), &Choice::BuiltIn)];
        for kept in self.kept()? {
            let choice = Choice::Stored(kept.version.clone());
            all.push(listed(kept, &choice));
        }
        if self.pinned.is_some() {
            // Named by the command line: one of these, or one that is not kept here.
            match all.iter_mut().find(|it| it.kept.version == **serving.version()) {
                Some(known) => known.serving = true,
                None => all.push(Listed {
                    kept: bare(serving.version()),
                    built_in: false,
                    serving: true,
                    previous: false,
                    shadow: false,
                }),
            }
        }
        all.sort_by(|one, other| (!one.serving, &one.kept.version).cmp(&(!other.serving, &other.kept.version)));
        Ok(all)
    }

    fn kept(&self) -> Result<Vec<Kept>, ScorersError> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        let versions = store.versions().map_err(|error| ScorersError::Write(error.to_string()))?;
        Ok(versions.iter().map(|version| store.look_at(version)).collect())
    }

    fn changed(&self, unchanged: bool) -> Changed {
        let serving = self.serving().version().to_string();
        Changed { serving, previous: self.previous_version(), unchanged, warning: None }
    }

    /// What a rollback would go back to.
    pub(crate) fn previous_version(&self) -> Option<String> {
        match self.book().state.previous.clone()? {
            Choice::BuiltIn => self.built_in_version().ok().map(|version| version.to_string()),
            Choice::Stored(version) => Some(version),
        }
    }

    pub(crate) fn pinned(&self) -> Option<&str> {
        self.pinned.as_deref()
    }

    pub(crate) fn history(&self) -> Vec<Event> {
        self.book().state.history.clone()
    }

    pub(crate) fn uploads(&self) -> &Arc<Semaphore> {
        &self.uploads
    }

    fn find(&self, version: &str) -> Result<Choice, ScorersError> {
        if self.store.as_ref().is_some_and(|store| store.has(version)) {
            return Ok(Choice::Stored(version.to_owned()));
        }
        if version == BUILT_IN || version == self.built_in_version()?.as_ref() {
            return Ok(Choice::BuiltIn);
        }
        let known: Vec<_> = self.list()?.into_iter().map(|it| it.kept.version).collect();
        Err(ScorersError::Unknown { version: version.to_owned(), known: known.join(", ") })
    }

    /// Loads a scorer, every hash checked, and tries it.
    fn load(&self, choice: &Choice) -> Result<Arc<dyn Scorer>, ScorersError> {
        let scorer: Arc<dyn Scorer> = match choice {
            Choice::BuiltIn => Arc::new(load_built_in()?),
            Choice::Stored(version) => {
                let store = self.store.as_ref().ok_or(ScorersError::NoStore)?;
                let loaded = store.load(version);
                Arc::new(loaded.map_err(|reason| unusable(version, format!("{reason}; upload it again")))?)
            }
        };
        let tried = probe::probe(scorer.as_ref(), probe::LIMIT);
        tried.map_err(|reason| unusable(scorer.version(), reason))?;
        Ok(scorer)
    }

    /// Which version the built-in scorer is. Asked for the first time, it is loaded to tell.
    fn built_in_version(&self) -> Result<Arc<str>, ScorersError> {
        if let Some(known) = self.built_in.get() {
            return Ok(known.clone());
        }
        let version = load_built_in()?.version().clone();
        Ok(self.built_in.get_or_init(|| version).clone())
    }

    /// Whether what was uploaded is the built-in scorer, by its manifest, which holds every hash; another of that version
    /// is refused.
    fn is_built_in(&self, version: &str, upload: &Upload) -> Result<bool, ScorersError> {
        if *version != *self.built_in_version()? {
            return Ok(false);
        }
        let is_manifest = |(name, _): &&(&str, &[u8])| *name == scorer::artifact::MANIFEST;
        let known = scorer::builtin::FILES.iter().find(is_manifest).map(|(_, content)| *content);
        let sent = upload.files.iter().find(|(name, _)| *name == scorer::artifact::MANIFEST);
        if sent.map(|(_, content)| content.as_slice()) == known {
            Ok(true)
        } else {
            Err(ScorersError::Conflict(version.to_owned()))
        }
    }
}

fn load_built_in() -> Result<scorer::LearnedScorer, ScorersError> {
    scorer::builtin::load().map_err(|error| unusable("the built-in scorer", error.to_string()))
}

/// Keeps what the gate has said meanwhile of a scorer that is there already: no manifest vouches for that.
fn renew_gate(store: &Store, version: &str, upload: &Upload) -> Result<(), ScorersError> {
    let Some((_, gate)) = upload.files.iter().find(|(name, _)| name == GATE) else { return Ok(()) };
    store.put_gate(version, gate).map_err(|error| ScorersError::Write(error.to_string()))
}

fn unusable(version: &str, reason: String) -> ScorersError {
    ScorersError::Unusable { version: version.to_owned(), reason }
}
