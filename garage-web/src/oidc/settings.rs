//! Which provider knows the shop's people, as the operator names it. Half a provider is none: whatever is missing or would
//! send secrets over an open line is said at the start.

use std::net::{Ipv4Addr, Ipv6Addr};

use garage_kit::program::{Env, Misconfigured};
use reqwest::Url;
use secrecy::SecretString;

const CALLBACK: &str = "/sign-in/oidc/callback";
const AFTERWARDS: &str = "/sign-in";
/// What is there only together with `OIDC_ISSUER`.
const OTHERS: [&str; 6] = [
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_CLIENT_SECRET_FILE",
    "OIDC_ROLES_CLAIM",
    "OIDC_NAME",
    "OIDC_ONLY",
];

/// A provider and what it knows these screens by.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// As the provider writes it.
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<SecretString>,
    pub(super) roles_claim: String,
    pub(super) name: String,
    only_way: bool,
    /// The address of these screens.
    here: String,
}

impl OidcSettings {
    /// From `OIDC_ISSUER`, `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET`, `OIDC_ROLES_CLAIM`, `OIDC_NAME` and `OIDC_ONLY`, for
    /// screens at this address; none where there is no `OIDC_ISSUER`.
    ///
    /// # Errors
    /// When one of them is missing that the others need, or is not as it should be.
    pub fn from_env(env: &Env, public_url: Option<&str>) -> Result<Option<Self>, Misconfigured> {
        let Some(issuer) = env.text("OIDC_ISSUER")? else {
            return alone(env).map(|()| None);
        };
        let host = address_of(&issuer)?;
        let client_id =
            env.required("OIDC_CLIENT_ID", "the name under which the provider knows these screens")?;
        let roles_claim = env.text("OIDC_ROLES_CLAIM")?.unwrap_or_else(|| "roles".to_owned());
        if roles_claim.split('.').any(|step| step.trim().is_empty()) {
            return Err(Misconfigured::new(
                "OIDC_ROLES_CLAIM must be a claim's name, or names with points between, such as realm_access.roles",
            ));
        }
        Ok(Some(Self {
            client_secret: env.secret("OIDC_CLIENT_SECRET")?,
            name: env.text("OIDC_NAME")?.unwrap_or(host),
            only_way: env.parse("OIDC_ONLY", "true or false")?.unwrap_or(false),
            here: here(public_url)?,
            issuer,
            client_id,
            roles_claim,
        }))
    }

    pub(crate) const fn is_only_way(&self) -> bool {
        self.only_way
    }

    /// Where the provider sends people back to.
    pub(super) fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.here)
    }

    /// Where it sends them when they have signed out.
    pub(super) fn after_sign_out(&self) -> String {
        format!("{}{AFTERWARDS}", self.here)
    }
}

fn alone(env: &Env) -> Result<(), Misconfigured> {
    for name in OTHERS {
        if env.text(name)?.is_some() {
            return Err(Misconfigured::new(format!(
                "{name} is set and OIDC_ISSUER is not: give the provider's address, such as https://login.example/realms/shop, or take {name} away"
            )));
        }
    }
    Ok(())
}

/// The host of the provider's address. The address is not shown when it is wrong, as it may hold a password.
fn address_of(issuer: &str) -> Result<String, Misconfigured> {
    let url = Url::parse(issuer).ok().filter(|url| {
        let is_bare = url.username().is_empty() && url.password().is_none();
        is_bare && url.query().is_none() && url.fragment().is_none() && is_sealed(url)
    });
    let host = url.and_then(|url| url.host_str().map(str::to_owned));
    host.ok_or_else(|| {
        Misconfigured::new(
            "OIDC_ISSUER must be the provider's https address, without a name, a password or a query, such as https://login.example/realms/shop (http only on this machine, such as http://127.0.0.1:8080)",
        )
    })
}

fn here(public_url: Option<&str>) -> Result<String, Misconfigured> {
    let Some(here) = public_url else {
        return Err(Misconfigured::new(
            "PUBLIC_URL is not set: with OIDC_ISSUER give the address of these screens, to which the provider sends people back, such as https://shop.example",
        ));
    };
    if !Url::parse(here).is_ok_and(|url| is_sealed(&url)) {
        return Err(Misconfigured::new(
            "PUBLIC_URL must be an https address with OIDC_ISSUER, such as https://shop.example (http only on this machine, such as http://127.0.0.1:3000)",
        ));
    }
    Ok(here.to_owned())
}

/// Whether nobody between can read what goes there: TLS, or no way at all.
pub(super) fn is_sealed(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|host| host.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|host| host.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 3] = [
        ("OIDC_ISSUER", "https://login.example/realms/shop"),
        ("OIDC_CLIENT_ID", "screens"),
        ("OIDC_CLIENT_SECRET", "hush"),
    ];

    fn read(change: &[(&str, &str)]) -> Result<Option<OidcSettings>, Misconfigured> {
        let kept = WHOLE.iter().filter(|(name, _)| !change.iter().any(|(changed, _)| changed == name));
        let all: Vec<_> = kept.chain(change.iter().filter(|(_, value)| *value != "-")).copied().collect();
        OidcSettings::from_env(&Env::fixed(&all), Some("https://shop.example"))
    }

    fn told(change: &[(&str, &str)]) -> String {
        read(change).unwrap_err().to_string()
    }

    #[test]
    fn a_provider_is_known_by_its_address_and_what_it_calls_us() {
        let settings = read(&[]).unwrap().unwrap();
        assert_eq!((settings.name.as_str(), settings.roles_claim.as_str()), ("login.example", "roles"));
        assert_eq!(settings.callback(), "https://shop.example/sign-in/oidc/callback");
        assert!(!settings.is_only_way());
        assert!(!format!("{settings:?}").contains("hush"));
        assert!(read(&[("OIDC_CLIENT_SECRET", "-")]).unwrap().is_some());
        assert!(OidcSettings::from_env(&Env::fixed(&[]), None).unwrap().is_none());
    }

    #[test]
    fn half_a_provider_is_refused_by_the_name_of_what_is_missing() {
        assert!(told(&[("OIDC_CLIENT_ID", "-")]).starts_with("OIDC_CLIENT_ID is not set: give"));
        for name in OTHERS {
            let alone = OidcSettings::from_env(&Env::fixed(&[(name, "hush")]), Some("https://shop.example"));
            let told = alone.unwrap_err().to_string();
            assert!(told.starts_with(&format!("{name} is set and OIDC_ISSUER is not")), "{told}");
            assert!(!told.contains("hush"), "{told}");
        }
        let nowhere = OidcSettings::from_env(&Env::fixed(&WHOLE), None).unwrap_err().to_string();
        assert!(nowhere.starts_with("PUBLIC_URL is not set"), "{nowhere}");
    }

    #[test]
    fn an_open_line_is_refused_but_on_this_machine() {
        for issuer in [
            "http://login.example",
            "http://127.0.0.1.example",
            "login.example",
            "ftp://127.0.0.1",
            "https://ana:hunter2@login.example",
            "https://login.example?realm=shop",
        ] {
            let told = told(&[("OIDC_ISSUER", issuer)]);
            assert!(told.starts_with("OIDC_ISSUER must be"), "{issuer}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        for issuer in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080/realms/shop"] {
            assert!(read(&[("OIDC_ISSUER", issuer)]).is_ok(), "{issuer}");
        }
        let open = OidcSettings::from_env(&Env::fixed(&WHOLE), Some("http://shop.example"));
        assert!(open.unwrap_err().to_string().starts_with("PUBLIC_URL must be an https address"));
    }

    #[test]
    fn what_does_not_read_is_named() {
        assert!(told(&[("OIDC_ONLY", "yes")]).starts_with("OIDC_ONLY must be true or false"));
        assert!(told(&[("OIDC_ROLES_CLAIM", "realm_access..roles")]).starts_with("OIDC_ROLES_CLAIM must be"));
        assert!(told(&[("OIDC_CLIENT_ID", " ")]).starts_with("OIDC_CLIENT_ID is set but empty"));
    }
}
