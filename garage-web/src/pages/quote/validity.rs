//! Until when a quote may be answered, as the desk says it: by a day, which counts to its end at the shop. Where the desk
//! says none, it is Billing that knows, which counts from the first sending. Pure.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::{
    form::{Form, Objections},
    lang::Lang,
};

/// The form's field.
pub(super) const FIELD: &str = "valid";

/// What is said of a day that has passed.
pub(super) const fn past(lang: Lang) -> &'static str {
    lang.t("deve ser um dia que ainda não passou", "must be a day that has not passed")
}

/// The end of the day that was typed, in the shop's zone; what is none is said at the field.
pub(super) fn typed(
    lang: Lang,
    form: &Form,
    zone: FixedOffset,
    now: DateTime<Utc>,
    objections: &mut Objections,
) -> Option<DateTime<Utc>> {
    let end = end_of(form.given(FIELD)?, zone);
    match end {
        None => objections
            .add(FIELD, lang.t("deve ser um dia, como 28/11/2026", "must be a day, such as 28 Nov 2026")),
        Some(end) if end <= now => objections.add(FIELD, past(lang)),
        Some(_) => return end,
    }
    None
}

/// The last millisecond of a day, as `<input type="date">` sends it.
fn end_of(day: &str, zone: FixedOffset) -> Option<DateTime<Utc>> {
    let next = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?.succ_opt()?;
    let midnight = next.and_time(NaiveTime::MIN).and_local_timezone(zone).single()?;
    Some(midnight.with_timezone(&Utc) - TimeDelta::milliseconds(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a typed day, shortly before the midnight of the 28th of November.
    fn read(text: &str) -> Result<Option<String>, String> {
        let now = DateTime::parse_from_rfc3339("2026-11-28T23:30:00-03:00").unwrap();
        let mut objections = Objections::default();
        let form = Form::default().with(FIELD, text);
        let end = typed(Lang::En, &form, *now.offset(), now.to_utc(), &mut objections);
        objections
            .to(FIELD)
            .map_or_else(|| Ok(end.map(|end| end.to_rfc3339())), |words| Err(words.to_owned()))
    }

    #[test]
    fn a_day_ends_with_its_last_moment_at_the_shop() {
        let end = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read("2026-12-24"), end("2026-12-25T02:59:59.999+00:00"));
        assert_eq!(read("2026-11-28"), end("2026-11-29T02:59:59.999+00:00"), "today is not over");
        assert_eq!(read(""), Ok(None));
    }

    #[test]
    fn a_day_that_has_passed_or_is_none_is_refused() {
        assert_eq!(read("2026-11-27"), Err(past(Lang::En).to_owned()));
        for text in ["soon", "2026-02-30", "28/11/2026"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
