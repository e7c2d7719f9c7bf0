//! Our own request fields. They stand outside the vendor's schema and never reach an upstream.

use domain::{MAX_INSTRUCTIONS, MinQuality, Money, ProviderSlug};

use super::fault::BadRequest;
use super::tags::Tag;
use super::{read, tags};
use crate::json::{Kind, Path, Scanner};

/// Our own members of the top level.
pub(crate) const NAMES: [&str; 7] =
    ["include_routing_metadata", "models", "project_id", "provider", "routing", "routing_policy_id", "tags"];

/// Members that would carry a policy inside a request. Policies are configuration.
pub(crate) const REFUSED: [&str; 6] = ["strategy", "default_strategy", "policy", "routing_policy", "rules", "blend"];

/// What a caller may say to the router.
#[derive(Clone, Debug, PartialEq)]
pub struct Extensions {
    /// Wishes for this one request.
    pub routing: RoutingHints,
    /// Tags that rules read, in the order given; the last of a key wins.
    pub tags: Vec<Tag>,
    /// The project to which the request belongs.
    pub project_id: Option<String>,
    /// The policy to use.
    pub routing_policy_id: Option<String>,
    /// An ordered list of candidates, never empty when given.
    pub models: Option<Vec<String>>,
    /// Demands on providers.
    pub provider: ProviderLimits,
    /// The answer shall carry the routing object.
    pub include_routing_metadata: bool,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            routing: RoutingHints::default(),
            tags: Vec::new(),
            project_id: None,
            routing_policy_id: None,
            models: None,
            provider: ProviderLimits::default(),
            include_routing_metadata: true,
        }
    }
}

/// The `routing` object of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoutingHints {
    /// Wishes in words, at most 2,000 characters.
    pub instructions: Option<String>,
    /// The most that the answer may be expected to cost.
    pub max_cost_usd: Option<Money>,
    /// The least chance of success, as a share of the best candidate's.
    pub min_quality: Option<MinQuality>,
}

/// Whether a provider may collect the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataCollection {
    /// It may.
    Allow,
    /// It must be known not to.
    Deny,
}

/// The `provider` object of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderLimits {
    /// Only these.
    pub only: Option<Vec<ProviderSlug>>,
    /// Not these.
    pub ignore: Vec<ProviderSlug>,
    /// May data be collected?
    pub data_collection: Option<DataCollection>,
    /// Only endpoints known to keep nothing.
    pub zdr: bool,
}

/// Refuses a member that would carry a policy inside a request.
pub(crate) fn refuse_policy(name: &str, path: &Path<'_>) -> Result<(), BadRequest> {
    if !REFUSED.contains(&name) {
        return Ok(());
    }
    let problem = "is not a request field: policies are configuration; name one with `routing_policy_id`";
    Err(BadRequest::at(path, "not_a_request_field", problem))
}

impl Extensions {
    /// Reads one of [`NAMES`].
    pub(crate) fn read(&mut self, scanner: &mut Scanner<'_>, name: &str, path: &Path<'_>) -> Result<(), BadRequest> {
        match name {
            "include_routing_metadata" => {
                self.include_routing_metadata = read::boolean(scanner, path)?.unwrap_or(true);
            }
            "models" => self.models = models(scanner, path)?,
            "project_id" => self.project_id = owned_string(scanner, path)?,
            "provider" => self.provider.read(scanner, path)?,
            "routing" => self.routing.read(scanner, path)?,
            "routing_policy_id" => self.routing_policy_id = owned_string(scanner, path)?,
            "tags" => self.tags = tags::read(scanner, path)?,
            _ => {
                scanner.skip()?;
            }
        }
        Ok(())
    }
}

impl RoutingHints {
    fn read(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        const KNOWN: [&str; 3] = ["instructions", "max_cost_usd", "min_quality"];
        read::closed_object(scanner, path, &KNOWN, |scanner, name, here| {
            match name {
                "instructions" => self.instructions = instructions(scanner, here)?,
                "max_cost_usd" => self.max_cost_usd = money(scanner, here)?,
                _ => self.min_quality = share(scanner, here)?,
            }
            Ok(())
        })
    }
}

impl ProviderLimits {
    fn read(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        const KNOWN: [&str; 4] = ["only", "ignore", "data_collection", "zdr"];
        read::closed_object(scanner, path, &KNOWN, |scanner, name, here| {
            match name {
                "only" => self.only = slugs(scanner, here)?,
                "ignore" => self.ignore = slugs(scanner, here)?.unwrap_or_default(),
                "data_collection" => self.data_collection = data_collection(scanner, here)?,
                _ => self.zdr = read::boolean(scanner, here)?.unwrap_or(false),
            }
            Ok(())
        })
    }
}

fn owned_string(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<String>, BadRequest> {
    Ok(read::string(scanner, path)?.map(Into::into))
}

fn models(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<Vec<String>>, BadRequest> {
    let models = read::strings(scanner, path)?;
    if models.as_ref().is_some_and(Vec::is_empty) {
        return Err(BadRequest::invalid(path, "must name at least one model, or be left out"));
    }
    Ok(models)
}

fn slugs(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<Vec<ProviderSlug>>, BadRequest> {
    let Some(names) = read::strings(scanner, path)? else { return Ok(None) };
    let parse = |(index, name): (usize, &String)| {
        ProviderSlug::parse(name)
            .map_err(|fault| BadRequest::invalid(&path.index(index), &format!("is wrong: {fault}")))
    };
    names.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Some)
}

fn data_collection(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<DataCollection>, BadRequest> {
    match read::string(scanner, path)?.as_deref() {
        None => Ok(None),
        Some("allow") => Ok(Some(DataCollection::Allow)),
        Some("deny") => Ok(Some(DataCollection::Deny)),
        Some(_) => Err(BadRequest::invalid(path, "must be `allow` or `deny`")),
    }
}

fn instructions(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<String>, BadRequest> {
    let text = owned_string(scanner, path)?;
    if text.as_ref().is_some_and(|text| text.chars().nth(MAX_INSTRUCTIONS).is_some()) {
        return Err(BadRequest::invalid(path, &format!("must be at most {MAX_INSTRUCTIONS} characters long")));
    }
    Ok(text)
}

fn money(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<Money>, BadRequest> {
    let text = match scanner.peek()? {
        Kind::Number => {
            let span = scanner.number()?;
            scanner.slice(span).into()
        }
        Kind::String | Kind::Null => match read::string(scanner, path)? {
            Some(text) => text,
            None => return Ok(None),
        },
        found => return Err(BadRequest::wrong_type(path, "an amount in USD such as \"0.01\"", found)),
    };
    match Money::parse(&text) {
        Ok(amount) if amount >= Money::ZERO => Ok(Some(amount)),
        Ok(_) => Err(BadRequest::invalid(path, "must not be negative")),
        Err(fault) => Err(BadRequest::invalid(path, &format!("is wrong: {fault}"))),
    }
}

fn share(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<MinQuality>, BadRequest> {
    if !read::is_present(scanner, path, Kind::Number, "a number above 0, at most 1")? {
        return Ok(None);
    }
    let span = scanner.number()?;
    let share = scanner.slice(span).parse().ok().and_then(|value| MinQuality::try_new(value).ok());
    share.map(Some).ok_or_else(|| BadRequest::invalid(path, "must be above 0, at most 1"))
}
