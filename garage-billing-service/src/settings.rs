//! What the shop decides before the service starts, read from the environment.

use chrono::TimeDelta;
use garage_events::{Cents, Deadlines};
use garage_kit::{
    Failure,
    program::{Env, Misconfigured},
};
use garage_saga::waiting::deadlines;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    gateway::mercado_pago::{DEADLINE, MercadoPago},
    quote::Terms,
};

const MERCADO_PAGO: &str = "https://api.mercadopago.com";
/// Ten days by Brazilian law, unless agreed otherwise (Código de Defesa do Consumidor, art. 40 §1).
const VALIDITY_DAYS: i64 = 10;
const DIAGNOSIS_FEE: Option<Cents> = Cents::new(15000);

/// What the shop decides.
#[derive(Clone)]
pub struct Settings {
    /// On which terms quotes are made.
    pub terms: Terms,
    /// Who moves the money.
    pub gateway: GatewayChoice,
    /// How money is taken.
    pub till: Till,
    /// How long what may take before it counts as stuck.
    pub deadlines: Deadlines,
}

/// How money is taken, whoever moves it.
#[derive(Clone, Debug, Default)]
pub struct Till {
    /// Whose webhooks are believed; nobody's without one, and polling does.
    pub webhook_secret: Option<SecretString>,
}

/// Who moves the money.
#[derive(Clone)]
pub enum GatewayChoice {
    /// The one inside the process, which moves none.
    Sandbox,
    /// The real one, or whoever speaks as it does.
    MercadoPago(MercadoPago),
}

impl Settings {
    /// From `PAYMENT_GATEWAY`, `MERCADOPAGO_ACCESS_TOKEN`, `MERCADOPAGO_BASE_URL`,
    /// `MERCADOPAGO_WEBHOOK_SECRET`, `QUOTE_VALIDITY_DAYS`, `DIAGNOSIS_FEE` and `DEADLINES`. Only a system on trial takes the sandbox without being told.
    ///
    /// # Errors
    /// One sentence that names the variable that is missing or wrong.
    pub fn from_env(env: &Env, sandbox_by_default: bool) -> Result<Self, Misconfigured> {
        Ok(Self {
            terms: terms(env)?,
            gateway: GatewayChoice::from_env(env, sandbox_by_default)?,
            till: Till::from_env(env)?,
            deadlines: deadlines(env)?,
        })
    }
}

impl GatewayChoice {
    fn from_env(env: &Env, sandbox_by_default: bool) -> Result<Self, Misconfigured> {
        const WANTED: &str = "mercado-pago, or sandbox to try the system without moving money";
        match env.text("PAYMENT_GATEWAY")?.as_deref() {
            Some("sandbox") => Ok(Self::Sandbox),
            Some("mercado-pago") => mercado_pago(env).map(Self::MercadoPago),
            Some(other) => {
                Err(Misconfigured::new(format!("PAYMENT_GATEWAY must be {WANTED}; it is {other:?}")))
            }
            None if sandbox_by_default => Ok(Self::Sandbox),
            None => Err(Misconfigured::new(format!("PAYMENT_GATEWAY is not set: give {WANTED}"))),
        }
    }
}

impl Till {
    fn from_env(env: &Env) -> Result<Self, Misconfigured> {
        Ok(Self { webhook_secret: env.secret("MERCADOPAGO_WEBHOOK_SECRET")? })
    }
}

fn mercado_pago(env: &Env) -> Result<MercadoPago, Misconfigured> {
    let token =
        env.required_secret("MERCADOPAGO_ACCESS_TOKEN", "the seller's access token at Mercado Pago")?;
    let base = env.url("MERCADOPAGO_BASE_URL", &["https", "http"])?;
    let base = base.as_ref().map_or(MERCADO_PAGO, |url| url.expose_secret());
    let base: Url = base
        .parse()
        .map_err(|cause| Misconfigured::new(format!("MERCADOPAGO_BASE_URL is no URL: {cause}")))?;
    let unusable =
        |cause: Failure| Misconfigured::new(format!("MERCADOPAGO_ACCESS_TOKEN cannot be used: {cause}"));
    MercadoPago::new(base, token, DEADLINE).map_err(unusable)
}

fn terms(env: &Env) -> Result<Terms, Misconfigured> {
    const DAYS: &str = "a whole number from 1 to 365";
    let days = env.parse("QUOTE_VALIDITY_DAYS", DAYS)?.unwrap_or(VALIDITY_DAYS);
    if !(1..=365).contains(&days) {
        return Err(Misconfigured::new(format!("QUOTE_VALIDITY_DAYS must be {DAYS}; it is \"{days}\"")));
    }
    const FEE: &str = "an amount in reais above 0, such as 150.00";
    let fee = env.parse("DIAGNOSIS_FEE", FEE)?.or(DIAGNOSIS_FEE).unwrap_or_default();
    if fee == Cents::ZERO {
        return Err(Misconfigured::new(format!("DIAGNOSIS_FEE must be {FEE}; it is \"{fee}\"")));
    }
    Ok(Terms { validity: TimeDelta::days(days), diagnosis_fee: fee })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> String {
        Settings::from_env(&Env::fixed(variables), false)
            .err()
            .map(|wrong| wrong.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_billing_service_alone_must_be_told_who_moves_the_money() {
        assert!(told(&[]).starts_with("PAYMENT_GATEWAY is not set: give mercado-pago, or sandbox"));
        assert!(told(&[("PAYMENT_GATEWAY", "paypal")]).starts_with("PAYMENT_GATEWAY must be mercado-pago"));
        assert_eq!(told(&[("PAYMENT_GATEWAY", "sandbox")]), "");
        assert!(Settings::from_env(&Env::fixed(&[]), true).is_ok());
    }

    #[test]
    fn the_shop_s_deadlines_are_read_or_named() {
        let env = |text| Env::fixed(&[("PAYMENT_GATEWAY", "sandbox"), ("DEADLINES", text)]);
        let own = Settings::from_env(&env("charge=5m"), false).unwrap().deadlines;
        assert_eq!(own.patience(&garage_events::waiting::CHARGE), TimeDelta::minutes(5));
        let wrong = told(&[("PAYMENT_GATEWAY", "sandbox"), ("DEADLINES", "lunch=1h")]);
        assert!(
            wrong.starts_with("DEADLINES must be a list such as payment=7d,quote=90s: `lunch` is none of")
        );
    }

    #[test]
    fn the_real_gateway_needs_an_access_token() {
        assert!(
            told(&[("PAYMENT_GATEWAY", "mercado-pago")]).starts_with("MERCADOPAGO_ACCESS_TOKEN is not set")
        );
        let with_token = |more| {
            told(&[("PAYMENT_GATEWAY", "mercado-pago"), ("MERCADOPAGO_ACCESS_TOKEN", "APP_USR-1"), more])
        };
        assert_eq!(with_token(("MERCADOPAGO_BASE_URL", "http://127.0.0.1:9000")), "");
        assert!(
            with_token(("MERCADOPAGO_BASE_URL", "ftp://x"))
                .starts_with("MERCADOPAGO_BASE_URL must begin with")
        );
    }

    #[test]
    fn the_shop_s_terms_are_sensible_or_named() {
        let settings = Settings::from_env(
            &Env::fixed(&[("QUOTE_VALIDITY_DAYS", "30"), ("DIAGNOSIS_FEE", "99.90")]),
            true,
        );
        let terms = settings.map(|settings| settings.terms).unwrap();
        assert_eq!((terms.validity, terms.diagnosis_fee.centavos()), (TimeDelta::days(30), 9990));
        for days in ["0", "366", "-1", "ten"] {
            let told = told(&[("PAYMENT_GATEWAY", "sandbox"), ("QUOTE_VALIDITY_DAYS", days)]);
            assert!(told.starts_with("QUOTE_VALIDITY_DAYS must be a whole number from 1 to 365"), "{told}");
        }
        for fee in ["0", "-1", "1.005", "free"] {
            let told = told(&[("PAYMENT_GATEWAY", "sandbox"), ("DIAGNOSIS_FEE", fee)]);
            assert!(told.starts_with("DIAGNOSIS_FEE must be an amount"), "{told}");
        }
    }
}
