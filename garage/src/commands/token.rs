//! `garage token`: prints a token alone, so that a script can take it.

use std::path::PathBuf;

use anyhow::Result;
use chrono::TimeDelta;
use clap::{Args, builder::NonEmptyStringValueParser};
use garage_kit::program::Env;

use super::{ROLES, secret, token};

/// Print a token.
#[derive(Args)]
pub(crate) struct Token {
    /// What its bearer may do; may be given several times
    #[arg(long, required = true, value_parser = ROLES)]
    role: Vec<String>,
    /// Who its bearer is
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    sub: String,
    /// How long it is valid, such as 30m, 8h or 7d
    #[arg(long, default_value = "8h", value_parser = lifetime)]
    ttl: TimeDelta,
    /// The data directory whose secret signs it, unless JWT_SECRET is set
    #[arg(long, default_value = "./garage-data")]
    data_dir: PathBuf,
}

impl Token {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) fn run(self, env: &Env) -> Result<()> {
        let roles: Vec<&str> = self.role.iter().map(String::as_str).collect();
        println!("{}", token(env, &secret(env, &self.data_dir)?, &self.sub, &roles, self.ttl)?);
        Ok(())
    }
}

fn lifetime(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "must be a number with s, m, h or d, such as 8h".to_owned();
    let split = text.len().checked_sub(1).filter(|split| text.is_char_boundary(*split)).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: i64 =
        number.parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(wrong)?;
    match unit {
        "s" => Ok(TimeDelta::seconds(number)),
        "m" => Ok(TimeDelta::minutes(number)),
        "h" => Ok(TimeDelta::hours(number)),
        "d" => Ok(TimeDelta::days(number)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_with_a_unit() {
        assert_eq!(lifetime("30m"), Ok(TimeDelta::minutes(30)));
        assert_eq!(lifetime("7d"), Ok(TimeDelta::days(7)));
        for wrong in ["", "h", "8", "-1h", "0h", "8w", "8é", "99999999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
