//! `[calibration]`: what the strategy `optimal` makes chances of: a fitted file of one's own, or what is built in.

use std::path::Path;

use domain::Calibration;
use domain::desired::CalibrationSpec;

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::read_bounded;
use crate::readers::{boolean, text};

/// A calibration is a handful of numbers.
const MAX_BYTES: u64 = 64 * 1024;

pub(crate) fn calibration(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<CalibrationSpec> {
    match (fields.take("file"), fields.take("built_in")) {
        (Some(_), Some(item)) => item.fault(context, "stands beside `file`: take one of them out"),
        (Some(item), None) => from_file(&item, context).map(CalibrationSpec::Own),
        (None, Some(item)) if boolean(&item, context)? => Some(CalibrationSpec::BuiltIn),
        (None, Some(item)) => {
            let cure = context.pair("file", "\"calibration.json\"");
            item.fault(context, format!("can only be true: write {cure} for a calibration of your own"))
        }
        (None, None) => {
            let (own, shipped) = (context.pair("file", "\"calibration.json\""), context.pair("built_in", "true"));
            fields.miss("file", format!("`file` is missing: write {own}, or {shipped} for the one that is built in"))
        }
    }
}

/// What `evalkit calibrate optimal` wrote, relative to this file. Whether its numbers make sense is the engine's to say.
fn from_file(item: &Item<'_>, context: &mut Context<'_>) -> Option<Calibration> {
    let path = text(item, context)?;
    match read(&context.folder.join(&path)) {
        Ok(calibration) => Some(calibration),
        Err(fault) => item.fault(context, format!("`{path}` {fault}")),
    }
}

fn read(path: &Path) -> Result<Calibration, String> {
    // A pipe or a device would never end.
    if path.exists() && !path.is_file() {
        return Err("is no file: name the file that `evalkit calibrate optimal` wrote".to_owned());
    }
    let bytes = read_bounded(path, MAX_BYTES + 1)
        .map_err(|error| format!("cannot be read ({error}): check the path and its permissions"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {} KiB, so no calibration: name another file", MAX_BYTES >> 10));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| format!("is no calibration ({error}): fit one with `evalkit calibrate optimal`"))
}
