//! What the store of people promises.

use super::*;

async fn shop() -> (People, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (People::open(&folder.path().join("web.sqlite")).await.unwrap(), folder)
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

#[tokio::test]
async fn the_first_start_makes_a_manager_and_says_the_password_once() {
    let (people, _folder) = shop().await;
    let first = people.first_manager(at(0)).await.unwrap().unwrap();
    assert!(people.knows(&first.login, &first.password).await.unwrap());
    assert!(people.first_manager(at(0)).await.unwrap().is_none());
    assert!(people.all().await.unwrap()[0].is("manager"));
}

#[tokio::test]
async fn a_wrong_password_and_a_login_that_nobody_has_let_nobody_in() {
    let (people, _folder) = shop().await;
    let first = people.first_manager(at(0)).await.unwrap().unwrap();
    assert!(!people.knows(&first.login, "guess").await.unwrap());
    assert!(!people.knows("nobody", &first.password).await.unwrap());
}

#[tokio::test]
async fn a_session_ends_by_its_time_and_by_signing_out() {
    let (people, _folder) = shop().await;
    let first = people.first_manager(at(0)).await.unwrap().unwrap();
    let token = people.sign_in(&first.login, at(0)).await.unwrap();
    assert_eq!(people.signed_in(&token, at(1)).await.unwrap().unwrap().login, first.login);
    assert!(people.signed_in(&token, at(14 * 3600)).await.unwrap().is_none());
    assert!(people.signed_in("another", at(1)).await.unwrap().is_none());
    people.sign_out(&token).await.unwrap();
    assert!(people.signed_in(&token, at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let (people, _folder) = shop().await;
    let first = people.first_manager(at(0)).await.unwrap().unwrap();
    let token = people.sign_in(&first.login, at(0)).await.unwrap();
    let fresh = people.reset(&first.login).await.unwrap().unwrap();
    assert!(people.signed_in(&token, at(1)).await.unwrap().is_none());
    assert!(people.knows(&first.login, &fresh).await.unwrap());
    assert!(!people.knows(&first.login, &first.password).await.unwrap());
}

#[tokio::test]
async fn who_has_left_is_signed_out_and_stays_out() {
    let (people, _folder) = shop().await;
    people.first_manager(at(0)).await.unwrap();
    people.add("bia", "Bia", &["technician"], "long enough".to_owned(), at(0)).await.unwrap();
    let token = people.sign_in("bia", at(0)).await.unwrap();
    people.change("bia", "Bia", &["technician"], false).await.unwrap();
    assert!(people.signed_in(&token, at(1)).await.unwrap().is_none());
    assert!(!people.knows("bia", "long enough").await.unwrap());
}

#[tokio::test]
async fn a_manager_s_new_password_takes_nobody_back_and_the_operator_s_does() {
    let (people, _folder) = shop().await;
    people.first_manager(at(0)).await.unwrap();
    people.add("bia", "Bia", &["technician"], "long enough".to_owned(), at(0)).await.unwrap();
    people.change("bia", "Bia", &["technician"], false).await.unwrap();
    let password = people.renew_password("bia").await.unwrap().unwrap();
    assert!(!people.find("bia").await.unwrap().unwrap().active);
    assert!(!people.knows("bia", &password).await.unwrap());
    let password = people.reset("bia").await.unwrap().unwrap();
    assert!(people.knows("bia", &password).await.unwrap());
    assert!(people.reset("nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn a_login_belongs_to_one_and_the_last_manager_stays() {
    let (people, _folder) = shop().await;
    let first = people.first_manager(at(0)).await.unwrap().unwrap();
    let again = people.add(&first.login, "X", &["technician"], "long enough".to_owned(), at(0)).await;
    assert!(matches!(again, Err(NotChanged::Taken)));
    let left = people.change(&first.login, "Gerente", &["attendant"], true).await;
    assert!(matches!(left, Err(NotChanged::LastManager)));
    people.add("bia", "Bia", &["manager"], "long enough".to_owned(), at(0)).await.unwrap();
    people.change(&first.login, "Gerente", &["attendant"], true).await.unwrap();
}
