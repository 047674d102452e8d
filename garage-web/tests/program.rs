//! The program as an operator starts it.

use std::process::Command;

#[test]
fn a_start_without_the_services_addresses_names_what_is_missing() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_garage-web"));
    let ended = program.env_clear().output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("OS_SERVICE_URL is not set"), "{said}");
}

#[test]
fn half_a_provider_is_named_and_its_secret_is_not_shown() {
    for (set, told) in [
        (&[("OIDC_CLIENT_SECRET", "hush")][..], "OIDC_CLIENT_SECRET is set and OIDC_ISSUER is not"),
        (&[("OIDC_ISSUER", "https://ana:hush@login.example")], "OIDC_ISSUER must be"),
        (
            &[("OIDC_ISSUER", "https://login.example"), ("OIDC_CLIENT_SECRET", "hush")],
            "OIDC_CLIENT_ID is not set",
        ),
        (&[("OIDC_ISSUER", "https://login.example"), ("OIDC_CLIENT_ID", "screens")], "PUBLIC_URL is not set"),
    ] {
        let whole = [
            ("OS_SERVICE_URL", "http://127.0.0.1:1"),
            ("BILLING_SERVICE_URL", "http://127.0.0.1:1"),
            ("EXECUTION_SERVICE_URL", "http://127.0.0.1:1"),
            ("JWT_SECRET", "a secret that only this test knows"),
        ];
        let mut program = Command::new(env!("CARGO_BIN_EXE_garage-web"));
        let ended = program.env_clear().envs(whole).envs(set.iter().copied()).output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(told), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}
