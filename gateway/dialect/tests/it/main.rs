//! What the dialects promise together: every input in every dialect, and streams that do not mind where they are cut.

mod call_names;
mod calls;
mod cases;
mod endings;
mod fuzzing;
mod golden;
mod left_behind;
mod refusals;
mod splits;
mod thoughts;
mod unsaid;
