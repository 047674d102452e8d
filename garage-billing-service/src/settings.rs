//! What the shop decides before the service starts, read from the environment.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, Deadlines, PaymentMethod};
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
#[derive(Clone, Debug)]
pub struct Till {
    /// By which methods.
    pub methods: Vec<PaymentMethod>,
    /// How long a PIX code can be paid.
    pub pix_life: TimeDelta,
    /// How long a boleto can be paid.
    pub boleto_life: TimeDelta,
    /// Whose webhooks are believed; nobody's without one, and polling does.
    pub webhook_secret: Option<SecretString>,
}

impl Default for Till {
    /// Every method, for as long as the provider's defaults allow.
    fn default() -> Self {
        Self {
            methods: PaymentMethod::ALL.to_vec(),
            pix_life: TimeDelta::hours(24),
            boleto_life: TimeDelta::days(3),
            webhook_secret: None,
        }
    }
}

impl Till {
    /// Until when a payer may act whose attempt begins now; cards know no such time.
    pub(crate) fn last_moment(&self, method: PaymentMethod, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match method {
            PaymentMethod::Pix => Some(now + self.pix_life),
            PaymentMethod::Boleto => Some(now + self.boleto_life),
            PaymentMethod::CreditCard | PaymentMethod::DebitCard => None,
        }
    }
}

/// Who moves the money.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one")]
pub enum GatewayChoice {
    /// The one inside the process, which moves none.
    Sandbox,
    /// The real one, or whoever speaks as it does.
    MercadoPago(MercadoPago),
}

impl Settings {
    /// From `PAYMENT_GATEWAY`, `MERCADOPAGO_ACCESS_TOKEN`, `MERCADOPAGO_BASE_URL`,
    /// `MERCADOPAGO_WEBHOOK_SECRET`, `MERCADOPAGO_WEBHOOK_URL`, `PAYMENT_METHODS`, `PIX_EXPIRY_MINUTES`,
    /// `BOLETO_EXPIRY_DAYS`, `QUOTE_VALIDITY_DAYS`, `DIAGNOSIS_FEE` and `DEADLINES`. Only a system on trial takes the sandbox without being told.
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
        const MINUTES: &str = "a whole number from 30 to 43200";
        const DAYS: &str = "a whole number from 1 to 30";
        let usual = Self::default();
        Ok(Self {
            methods: methods(env)?.unwrap_or(usual.methods),
            pix_life: span(env, "PIX_EXPIRY_MINUTES", MINUTES, 30..=43_200)?
                .map_or(usual.pix_life, TimeDelta::minutes),
            boleto_life: span(env, "BOLETO_EXPIRY_DAYS", DAYS, 1..=30)?
                .map_or(usual.boleto_life, TimeDelta::days),
            webhook_secret: env.secret("MERCADOPAGO_WEBHOOK_SECRET")?,
        })
    }
}

/// A list of methods, such as `PIX,BOLETO`.
fn methods(env: &Env) -> Result<Option<Vec<PaymentMethod>>, Misconfigured> {
    let Some(told) = env.text("PAYMENT_METHODS")? else { return Ok(None) };
    let known = told.split(',').map(|word| word.trim().to_uppercase().parse::<PaymentMethod>());
    let known = known.collect::<Result<Vec<_>, _>>().map_err(|_| {
        Misconfigured::new(format!(
            "PAYMENT_METHODS must be a list of PIX, BOLETO, CREDIT_CARD and DEBIT_CARD; it is {told:?}"
        ))
    });
    known.map(Some)
}

fn span(
    env: &Env,
    name: &str,
    wanted: &str,
    bounds: RangeInclusive<i64>,
) -> Result<Option<i64>, Misconfigured> {
    match env.parse(name, wanted)? {
        Some(told) if !bounds.contains(&told) => {
            Err(Misconfigured::new(format!("{name} must be {wanted}; it is \"{told}\"")))
        }
        told => Ok(told),
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
    let gateway = MercadoPago::new(base, token, DEADLINE).map_err(unusable)?;
    let Some(url) = env.url("MERCADOPAGO_WEBHOOK_URL", &["https", "http"])? else { return Ok(gateway) };
    let wrong = |cause: String| Misconfigured::new(format!("MERCADOPAGO_WEBHOOK_URL {cause}"));
    let url: Url = url.expose_secret().parse().map_err(|cause| wrong(format!("is no URL: {cause}")))?;
    gateway.notifying(url).map_err(|cause| wrong(cause.to_owned()))
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
    fn the_till_is_set_up_or_the_variable_is_named() {
        let till = |name, text| {
            let env = Env::fixed(&[("PAYMENT_GATEWAY", "sandbox"), (name, text)]);
            Settings::from_env(&env, false).map(|settings| settings.till).map_err(|wrong| wrong.to_string())
        };
        let all = till("JWT_ISSUER", "me").unwrap();
        assert_eq!(
            (all.methods.len(), all.pix_life, all.boleto_life),
            (4, TimeDelta::hours(24), TimeDelta::days(3))
        );
        let few = till("PAYMENT_METHODS", "pix, BOLETO").unwrap().methods;
        assert_eq!(few, [PaymentMethod::Pix, PaymentMethod::Boleto]);
        assert_eq!(till("PIX_EXPIRY_MINUTES", "30").unwrap().pix_life, TimeDelta::minutes(30));
        for (name, text) in [
            ("PAYMENT_METHODS", "PIX,CASH"),
            ("PIX_EXPIRY_MINUTES", "29"),
            ("PIX_EXPIRY_MINUTES", "43201"),
            ("BOLETO_EXPIRY_DAYS", "0"),
            ("BOLETO_EXPIRY_DAYS", "31"),
            ("BOLETO_EXPIRY_DAYS", "soon"),
        ] {
            let told = till(name, text).unwrap_err();
            assert!(told.starts_with(&format!("{name} must be ")), "{told}");
        }
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
