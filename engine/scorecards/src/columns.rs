//! The columns of long tables, and the names that they are known by.

/// A column of a long table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Model,
    Benchmark,
    Version,
    Dataset,
    Metric,
    Variant,
    Score,
    Unit,
    Direction,
    Min,
    Max,
    Samples,
    Successes,
    StandardError,
    Low,
    High,
    Date,
    Capabilities,
    TotalCost,
    Source,
    Licence,
    /// For people: kept out.
    Remark,
}

const NAMES: [(&str, Column); 46] = [
    ("model", Column::Model),
    ("model_id", Column::Model),
    ("model_raw", Column::Model),
    ("benchmark", Column::Benchmark),
    ("benchmark_id", Column::Benchmark),
    ("name", Column::Benchmark),
    ("task", Column::Benchmark),
    ("version", Column::Version),
    ("benchmark_version", Column::Version),
    ("dataset", Column::Dataset),
    ("metric", Column::Metric),
    ("variant", Column::Variant),
    ("effort", Column::Variant),
    ("reasoning_effort", Column::Variant),
    ("score", Column::Score),
    ("raw", Column::Score),
    ("value", Column::Score),
    ("unit", Column::Unit),
    ("direction", Column::Direction),
    ("min", Column::Min),
    ("max", Column::Max),
    ("n", Column::Samples),
    ("samples", Column::Samples),
    ("successes", Column::Successes),
    ("se", Column::StandardError),
    ("stderr", Column::StandardError),
    ("standard_error", Column::StandardError),
    ("ci_lo", Column::Low),
    ("ci_low", Column::Low),
    ("ci_lower", Column::Low),
    ("ci_hi", Column::High),
    ("ci_high", Column::High),
    ("ci_upper", Column::High),
    ("date", Column::Date),
    ("observed_at", Column::Date),
    ("capabilities", Column::Capabilities),
    ("cost_usd_total", Column::TotalCost),
    ("source", Column::Source),
    ("url", Column::Source),
    ("licence", Column::Licence),
    ("license", Column::Licence),
    ("notes", Column::Remark),
    ("note", Column::Remark),
    ("comment", Column::Remark),
    ("harness", Column::Remark),
    ("seconds_per_case", Column::Remark),
];

impl Column {
    /// Reads a header, whatever its case and separators.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let header = header.trim().to_lowercase().replace(['-', ' '], "_");
        NAMES.iter().find(|(name, _)| *name == header).map(|(_, column)| *column)
    }

    /// Every name that a column may have.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}
