//! The commands, one file each, and what they share.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod blends;
pub(crate) mod bodies;
pub(crate) mod budgets;
pub(crate) mod check;
pub(crate) mod credentials;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod lists;
pub(crate) mod logs;
pub(crate) mod models;
pub(crate) mod objects;
mod offline;
pub(crate) mod organisations;
pub(crate) mod record_filter;
pub(crate) mod schema;
pub(crate) mod scorecards;
pub(crate) mod scorer;
pub(crate) mod seal;
pub(crate) mod usage;
pub(crate) mod versions;

use std::path::Path;

use config::Positions;
use domain::desired::{Action, DesiredFault, Diff};

use crate::output;

/// Faults of a configuration with the lines of the file that they belong to.
pub(crate) fn located(file: &Path, positions: &Positions, faults: &[DesiredFault]) -> String {
    let line = |fault: &DesiredFault| match positions.locate(&fault.path) {
        Some((line, column)) => format!("{}:{line}:{column}: {fault}", file.display()),
        None => format!("{}: {fault}", file.display()),
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Prints what an apply did or would do. Made keys are shown here and never again.
pub(crate) fn print_diff(diff: &Diff, as_json: bool, dry_run: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(diff);
    }
    for line in diff.lines.iter().filter(|line| line.action != Action::Unchanged) {
        let sign = match line.action {
            Action::Create => '+',
            Action::Update => '~',
            Action::Delete => '-',
            Action::Unchanged => ' ',
        };
        output::line(format!("{sign} {} {}", line.kind, line.name))?;
        for change in &line.changes {
            output::line(format!("    {change}"))?;
        }
    }
    for warning in &diff.warnings {
        output::line(format!("warning: {warning}"))?;
    }
    let count = |action| diff.lines.iter().filter(|line| line.action == action).count();
    let (created, updated, deleted) = (count(Action::Create), count(Action::Update), count(Action::Delete));
    let (verb, unchanged) = (if dry_run { "would be " } else { "" }, count(Action::Unchanged));
    output::line(format!(
        "{created} {verb}created, {updated} {verb}updated, {deleted} {verb}deleted, {unchanged} unchanged"
    ))?;
    for key in &diff.created_keys {
        output::line(format!("key {}: {}   (shown once: keep it)", key.name, key.key.expose()))?;
    }
    Ok(())
}
