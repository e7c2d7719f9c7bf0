//! The words of Signalbox: ids, money, usage, features, scores, the catalogue, policies, decisions and records.
//!
//! Pure data with its invariants. Knows no socket, clock, environment or randomness: whoever needs one passes it in.
//! Every other crate of the workspace may import this one; it imports none of them.

pub mod arguments;
pub mod benchmark;
pub mod blend;
pub mod calibration;
pub mod catalogue;
pub mod clock;
pub mod conversation;
pub mod date;
pub mod decision;
pub mod desired;
pub mod features;
#[doc(hidden)]
pub mod fuzz;
pub mod health;
pub mod ids;
pub mod instructions;
pub mod key;
pub mod key_table;
pub mod labels;
pub mod limits;
pub mod money;
pub mod named_table;
pub mod oauth;
pub mod object;
pub mod optimal;
pub mod outgoing;
pub mod policy;
pub mod record;
pub mod route;
pub mod rule;
pub mod score;
pub mod scorecard;
pub mod served;
pub mod snapshot;
pub mod tokens;
pub mod usage;
mod weights;

pub use arguments::{Arguments, Scored};
pub use benchmark::{Benchmark, Probe, Reading, Summary};
pub use blend::{Blend, BlendWeight, Missing, Override, RankBy};
pub use calibration::{Calibration, Scale, Scales};
pub use catalogue::{
    Ability, AuthScheme, Credential, CredentialKind, DialectKind, Modality, Model, Organisation, Owner, Pricing,
    Project, Provider, SealedBytes, Timeouts, user_fault,
};
pub use clock::{Clock, Timestamp};
pub use conversation::{Affinity, AffinityRecord, Previous};
pub use date::{Date, InvalidDate};
pub use decision::{Attempt, AttemptOutcome, CandidateRecord, Decision, Degradation, Removal, Removed};
pub use desired::{Desired, DesiredFault, Diff, SecretText};
pub use features::{Constraints, Facts, Features, OutputFormat};
pub use health::{CredentialState, Health, Latency};
pub use ids::{
    BlendId, CredentialId, InvalidId, KeyId, ModelId, OrganisationId, PolicyId, ProjectId, ProviderSlug, RequestId,
    RouterId, ScorecardId,
};
pub use instructions::{InstructionsRecord, MAX_INSTRUCTIONS, Understood};
pub use key::{ApiKey, KeyHash, KeyRouting, KeyText, Scope};
pub use key_table::KeyTable;
pub use labels::{Headers, Labels};
pub use limits::{BodyLogging, Budget, BudgetMode, BudgetPeriod, Limits};
pub use money::{InvalidMoney, Money};
pub use named_table::{ModelTable, Named, NamedTable, PolicyTable};
pub use oauth::{ClientCredentials, CredentialsFault};
pub use object::{Change, Object, ObjectKey, ObjectKind};
pub use optimal::{Dial, InvalidDial, Lambda, MinQuality, Optimal};
pub use policy::{Axis, Candidates, CredentialSource, Policy, PolicyModel, Router, Strategy};
pub use record::{Finished, Outcome, RecordFilter, RecordReader, RequestRecord, Started, Surface, Tag};
pub use route::Route;
pub use rule::{Condition, Field, Operator, Rule, RuleFault, RuleFaults, Rules, Test, Use};
pub use score::{CapabilityTag, OutputTokens, Score, ScorerInput};
pub use scorecard::{Direction, Interval, Normalisation, ScoreCell, Scorecard, SourceKind, SourceNote};
pub use snapshot::{Snapshot, SnapshotVersion, Tenant};
pub use usage::Usage;
pub use weights::Weights;
