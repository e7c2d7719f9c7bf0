//! Which scorer serves: lets a version serve, or the one before again.
//!
//! A scorer whose gate has not let it pass is refused. An operator may know better and force it; what the gate said is
//! then kept with the operator's reason. One that never was at a gate is let through with a warning.

use metrics::gauge;
use proto::gate::{self, NotPassed};

use super::state::Choice;
use super::{Changed, Scorers, ScorersError, store};

/// The reason to be kept with a change, and what to warn of.
type Judged = (Option<String>, Option<String>);

impl Scorers {
    /// Lets a version serve; with `force` also one that has not passed its gate.
    pub(crate) fn promote(&self, version: &str, reason: Option<String>, force: bool) -> Result<Changed, ScorersError> {
        self.check_not_pinned()?;
        let choice = self.find(version)?;
        if self.book().state.current == choice {
            self.check_whole(&choice)?;
            return Ok(self.changed(true));
        }
        let (reason, warning) = self.judge(&choice, reason, force)?;
        let changed = self.serve("promote", choice, reason)?;
        Ok(Changed { warning, ..changed })
    }

    /// Lets the one before serve again; nothing happens if another than `leave` serves.
    pub(crate) fn roll_back(&self, leave: Option<&str>, reason: Option<String>) -> Result<Changed, ScorersError> {
        self.check_not_pinned()?;
        if leave.is_some_and(|leave| leave != self.serving().version().as_ref()) {
            return Ok(self.changed(true));
        }
        let previous = self.book().state.previous.clone().ok_or(ScorersError::NothingBefore)?;
        self.serve("rollback", previous, reason)
    }

    fn serve(&self, action: &'static str, choice: Choice, reason: Option<String>) -> Result<Changed, ScorersError> {
        let scorer = self.load(&choice)?;
        let mut state = self.book().state.clone();
        let before = std::mem::replace(&mut state.current, choice);
        state.previous = Some(before);
        if state.shadow.as_ref().is_some_and(|shadow| shadow.which == state.current) {
            state.shadow = None;
        }
        let left = self.serving().version().to_string();
        self.commit(state, action, store::version_of(scorer.as_ref()), Some(left), reason)?;
        self.install(scorer);
        // What was wrong at the start has been settled by choosing.
        self.book().faults.clear();
        gauge!("signalbox_scorer_faults").set(0.0);
        Ok(self.changed(false))
    }

    /// Asks the gate's word. The built-in scorer has none: it was judged before it was shipped.
    fn judge(&self, choice: &Choice, reason: Option<String>, force: bool) -> Result<Judged, ScorersError> {
        let (Choice::Stored(version), Some(store)) = (choice, &self.store) else { return Ok((reason, None)) };
        let gate = store.gate(version).map_err(|error| NotPassed::Unreadable(error.to_string()));
        match gate.and_then(|gate| gate::passed(gate.as_deref(), version)) {
            Ok(passed) if passed.without.is_empty() => Ok((reason, None)),
            Ok(passed) => {
                let left_out = passed.without.join(", ");
                Ok((reason, Some(format!("{version} was not judged on {left_out}: its gate left that out"))))
            }
            Err(fault) if force => {
                let reason = reason.unwrap_or_default();
                if reason.trim().is_empty() {
                    return Err(ScorersError::NoReason);
                }
                let warning = format!("{version} serves although it has not passed: {fault}");
                Ok((Some(format!("forced ({fault}): {}", reason.trim())), Some(warning)))
            }
            Err(NotPassed::Never) => {
                let warning = format!(
                    "{version} has not been through a gate: whether it is worse than the one before is not known; \
                     `evalkit gate` tells"
                );
                Ok((reason, Some(warning)))
            }
            Err(fault) => Err(ScorersError::NotPassed { version: version.clone(), fault }),
        }
    }

    /// What serves goes on out of memory when its folder is damaged; a restart would not find it any more.
    fn check_whole(&self, choice: &Choice) -> Result<(), ScorersError> {
        let (Choice::Stored(version), Some(store)) = (choice, &self.store) else { return Ok(()) };
        match store.look_at(version).fault {
            Some(reason) => Err(ScorersError::Damaged { version: version.clone(), reason }),
            None => Ok(()),
        }
    }
}
