//! The calibration that `optimal` weighs by: an organisation's own, else the one that is built in.
//!
//! The built-in one belongs to the network of the scorer that is shipped; `evalkit calibrate optimal` made it.

use std::sync::LazyLock;

use domain::{Calibration, Tenant};

/// What a refusal to save an `optimal` policy is called.
pub const CALIBRATION_MISSING: &str = "calibration_missing";

static SHIPPED: LazyLock<Calibration> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../calibration/default.json")).expect("a test reads the built-in calibration")
});

/// The calibration that is built in.
pub fn shipped() -> &'static Calibration {
    &SHIPPED
}

/// The calibration of an organisation. One that is unusable is passed over: saving refuses it, so it came by another way.
pub fn calibration(tenant: &Tenant) -> &Calibration {
    tenant.organisation.calibration.as_ref().filter(|own| own.fault().is_none()).unwrap_or(&SHIPPED)
}

/// Why no `optimal` policy can be saved in an organisation, with the code and the cure.
pub fn calibration_fault(tenant: &Tenant) -> Option<String> {
    let fault = tenant.organisation.calibration.as_ref()?.fault()?;
    Some(format!(
        "{CALIBRATION_MISSING}: the organisation's own calibration is unusable ({fault}): fit one with `evalkit calibrate \
         optimal`, or take it out to use the built-in one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_calibration_is_usable_and_says_where_it_comes_from() {
        let it = shipped();
        assert_eq!(it.fault(), None);
        assert!(it.n > 1000 && !it.source.is_empty() && !it.fitted_on.is_empty());
    }
}
