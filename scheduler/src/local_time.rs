//! Local time, as the system's time zone has it: the C library knows the zones, and is what the stock VM
//! asks.
//!
//! The only unsafe code of this crate: three calls of C functions.
#![allow(unsafe_code, reason = "the C library's time functions")]

use std::mem::MaybeUninit;

/// A date and a time of day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// The hour.
    pub hour: i64,
    /// The minute.
    pub minute: i64,
    /// The second.
    pub second: i64,
}

const SECONDS_A_DAY: i64 = 86_400;
/// Days from the first of March of the year 0 to 1 January 1970.
const EPOCH_DAYS: i64 = 719_468;

impl DateTime {
    /// The universal time of a number of seconds since 1970.
    pub fn of_seconds(seconds: i64) -> DateTime {
        let days = seconds.div_euclid(SECONDS_A_DAY) + EPOCH_DAYS;
        let second_of_day = seconds.rem_euclid(SECONDS_A_DAY);
        // Years begin in March here, so that a leap day is the last of its year.
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        DateTime {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }

    /// Seconds since 1970, taken as universal time.
    pub fn seconds(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - EPOCH_DAYS;
        days * SECONDS_A_DAY + self.hour * 3600 + self.minute * 60 + self.second
    }

    /// Whether it is a date and time that there is, in a year not before `first_year` (nor beyond what C's
    /// `int` holds, as the stock VM has it).
    pub fn is_valid(self, first_year: i64) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (first_year..i64::from(i32::MAX)).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days).contains(&self.day)
            && (0..=23).contains(&self.hour)
            && (0..=59).contains(&self.minute)
            && (0..=59).contains(&self.second)
    }

    fn of_tm(tm: &libc::tm) -> DateTime {
        DateTime {
            year: i64::from(tm.tm_year) + 1900,
            month: i64::from(tm.tm_mon) + 1,
            day: i64::from(tm.tm_mday),
            hour: i64::from(tm.tm_hour),
            minute: i64::from(tm.tm_min),
            second: i64::from(tm.tm_sec),
        }
    }
}

/// The local time at a number of seconds since 1970.
pub fn local(seconds: i64) -> Option<DateTime> {
    let mut tm = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to live values; the function writes the second only.
    let result = unsafe { libc::localtime_r(&seconds, tm.as_mut_ptr()) };
    if result.is_null() {
        return None;
    }
    // SAFETY: it was zeroed, and the function has filled it in.
    let tm = unsafe { tm.assume_init() };
    Some(DateTime::of_tm(&tm))
}

/// Seconds since 1970 at a local time, daylight saving being in force, not in force, or unknown.
pub fn universal(local: DateTime, daylight_saving: Option<bool>) -> Option<i64> {
    let convert = |daylight_saving: i32| {
        let convert_from = |second: i64| {
            // SAFETY: all bytes zero is a value of this plain C struct.
            let mut tm: libc::tm = unsafe { MaybeUninit::zeroed().assume_init() };
            tm.tm_year = i32::try_from(local.year - 1900).ok()?;
            tm.tm_mon = local.month as i32 - 1;
            tm.tm_mday = local.day as i32;
            tm.tm_hour = local.hour as i32;
            tm.tm_min = local.minute as i32;
            tm.tm_sec = second as i32;
            tm.tm_isdst = daylight_saving;
            // SAFETY: the pointer is to a live value, which the function may normalise.
            Some(unsafe { libc::mktime(&mut tm) })
        };
        match convert_from(local.second)? {
            // Either an error, or the second before 1970: the second before tells.
            -1 => (convert_from(local.second - 1)? == -2).then_some(-1),
            seconds => Some(seconds),
        }
    };
    match daylight_saving {
        None => convert(-1),
        Some(false) => convert(0),
        // A zone without daylight saving may refuse; it is then taken as not in force.
        Some(true) => convert(1).or_else(|| convert(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_seconds_agree_both_ways() {
        let known = [
            (0, (1970, 1, 1, 0, 0, 0)),
            (951_782_399, (2000, 2, 28, 23, 59, 59)),
            (951_782_400, (2000, 2, 29, 0, 0, 0)),
            (-1, (1969, 12, 31, 23, 59, 59)),
            (-11_676_096_000, (1600, 1, 1, 0, 0, 0)),
            (253_402_300_799, (9999, 12, 31, 23, 59, 59)),
        ];
        for (seconds, (year, month, day, hour, minute, second)) in known {
            let date = DateTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
            };
            assert_eq!(DateTime::of_seconds(seconds), date);
            assert_eq!(date.seconds(), seconds);
        }
        for day in -200_000..200_000 {
            let date = DateTime::of_seconds(day * SECONDS_A_DAY + 12_345);
            assert!(date.is_valid(1400));
            assert_eq!(date.seconds(), day * SECONDS_A_DAY + 12_345);
        }
    }

    #[test]
    fn local_time_goes_both_ways() {
        for seconds in [0, 1_000_000_000, 1_700_000_000] {
            let there = local(seconds).expect("a local time");
            assert_eq!(universal(there, None), Some(seconds));
        }
    }
}
