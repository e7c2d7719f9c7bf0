//! `[[organisations]]` and `[[projects]]`: whose requests are counted together.

use domain::desired::{OrganisationSpec, ProjectSpec};

use super::spending::{body_logging, budget};
use crate::context::Context;
use crate::fields::Fields;
use crate::readers::name;

pub(crate) fn organisation(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<OrganisationSpec> {
    let title = fields.require("name", ("\"default\"", ", as it is called already"), context, name);
    let budget = fields.read("budget", context, budget);
    let body_logging = fields.read("body_logging", context, body_logging);
    Some(OrganisationSpec { name: title?, budget, body_logging })
}

pub(crate) fn project(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ProjectSpec> {
    let title = fields.require("name", ("\"…\"", ""), context, name);
    let policy = fields.read("policy", context, name);
    let budget = fields.read("budget", context, budget);
    Some(ProjectSpec { name: title?, policy, budget })
}
