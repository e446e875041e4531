//! Months (`YYYYMM`, UTC), by which records are partitioned and retained.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use nixa_protocol::Timestamp;

/// The month of a time.
#[must_use]
pub fn month_of(at: Timestamp) -> i64 {
    let date = DateTime::from_timestamp(at.0, 0).unwrap_or_default().date_naive();
    i64::from(date.year()) * 100 + i64::from(date.month())
}

/// The first second of a month.
#[must_use]
pub fn first_second_of(month: i64) -> Timestamp {
    let year = i32::try_from(month / 100).unwrap_or_default();
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month % 100).unwrap_or(1), 1).unwrap_or_default();
    Timestamp(date.and_time(NaiveTime::MIN).and_utc().timestamp())
}

/// The month after one, both as `YYYYMM`.
#[must_use]
pub fn month_after(month: i64) -> i64 {
    if month % 100 == 12 { month + 89 } else { month + 1 }
}

/// The month so many months before one.
#[must_use]
pub fn months_before(month: i64, count: u32) -> i64 {
    let months = (month / 100) * 12 + month % 100 - 1 - i64::from(count);
    (months / 12) * 100 + months % 12 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_their_first_second() {
        for (at, month) in [(0, 197_001), (1_800_000_000, 202_701), (1_793_491_199, 202_610), (1_793_491_200, 202_611)]
        {
            assert_eq!(month_of(Timestamp(at)), month, "{at}");
            let first = first_second_of(month);
            assert!(first.0 <= at && month_of(first) == month && month_of(first + -1) != month, "{month}");
        }
    }

    #[test]
    fn months_before_and_after() {
        for (month, after) in [(202_611, 202_612), (202_612, 202_701), (202_701, 202_702)] {
            assert_eq!(month_after(month), after);
        }
        for (month, count, before) in
            [(202_611, 0, 202_611), (202_611, 1, 202_610), (202_601, 1, 202_512), (202_611, 24, 202_411)]
        {
            assert_eq!(months_before(month, count), before, "{month} {count}");
        }
    }
}
