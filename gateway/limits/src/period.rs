//! The calendar of budgets: when a period begins and ends, in UTC.

use domain::{BudgetPeriod, Timestamp};
use time::{Date, Duration, Month, OffsetDateTime};

/// Returns when the period of a moment began; a lifetime began with time.
pub fn period_start(period: BudgetPeriod, now: Timestamp) -> Timestamp {
    let Some(day) = day_of(now) else { return Timestamp(0) };
    let first = match period {
        BudgetPeriod::Day => Some(day),
        BudgetPeriod::Week => day.checked_sub(Duration::days(i64::from(day.weekday().number_days_from_monday()))),
        BudgetPeriod::Month => day.replace_day(1).ok(),
        BudgetPeriod::Lifetime => None,
    };
    first.map_or(Timestamp(0), midnight)
}

/// Returns when the period of a moment ends; a lifetime does not.
pub fn period_end(period: BudgetPeriod, now: Timestamp) -> Option<Timestamp> {
    let start = day_of(period_start(period, now))?;
    let next = match period {
        BudgetPeriod::Day => start.next_day(),
        BudgetPeriod::Week => start.checked_add(Duration::WEEK),
        BudgetPeriod::Month => first_of_next_month(start),
        BudgetPeriod::Lifetime => None,
    };
    next.map(midnight)
}

fn first_of_next_month(day: Date) -> Option<Date> {
    let next = day.month().next();
    let year = if next == Month::January { day.year() + 1 } else { day.year() };
    Date::from_calendar_date(year, next, 1).ok()
}

fn day_of(moment: Timestamp) -> Option<Date> {
    OffsetDateTime::from_unix_timestamp(moment.0.div_euclid(1_000_000)).ok().map(OffsetDateTime::date)
}

fn midnight(day: Date) -> Timestamp {
    Timestamp(day.midnight().assume_utc().unix_timestamp() * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(period: BudgetPeriod, now: &str, start: &str, end: &str) {
        let at = |text: &str| Timestamp::parse_rfc3339(text).expect("a time");
        assert_eq!(period_start(period, at(now)), at(start));
        assert_eq!(period_end(period, at(now)), Some(at(end)));
    }

    #[test]
    fn periods_follow_the_utc_calendar_and_weeks_begin_on_monday() {
        use BudgetPeriod::{Day, Month, Week};
        check(Day, "2026-11-22T23:59:59.9Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
        check(Week, "2026-11-22T12:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z");
        check(Week, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
        check(Week, "2027-01-02T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
        check(Month, "2026-12-31T23:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check(Month, "2028-02-29T00:00:01+14:00", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    }

    #[test]
    fn a_lifetime_never_begins_anew() {
        let now = Timestamp(1_795_000_000_000_000);
        assert_eq!(period_start(BudgetPeriod::Lifetime, now), Timestamp(0));
        assert_eq!(period_end(BudgetPeriod::Lifetime, now), None);
    }
}
