//! A word on exactly what somebody saw. A record's version also rises when its service hears of something else; so a page
//! holds a mark of what it shows, and the version is taken when the word is given. What was changed meanwhile by anybody is
//! refused as such.

use std::fmt::Debug;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use garage_events::Service;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Asker, Beside, No, Refusal, view::Quote};

/// Every try is lost to a change at the very same moment.
const TRIES: usize = 5;

/// Something that a page shows, and that a word is given on.
pub(crate) trait Seen: DeserializeOwned {
    /// Whose it is.
    const AT: Service;

    /// What is shown of it.
    fn shown(&self) -> impl Debug;

    /// The mark of that.
    fn mark(&self) -> String {
        let shown = format!("{:?}", self.shown());
        BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(shown)[..16])
    }
}

impl Seen for Quote {
    const AT: Service = Service::Billing;

    fn shown(&self) -> impl Debug {
        (&self.items, self.total_amount, self.valid_until)
    }
}

impl Asker {
    /// Tells Billing `word` (`send`, `approve`, `reject`, `revisions` for another text, or nothing to replace the lines) about the quote with this mark.
    pub(crate) async fn tell_of_quote(
        &self,
        id: Uuid,
        mark: &str,
        word: &str,
        body: Option<&Value>,
    ) -> Result<Quote, No> {
        let path = format!("/quotes/{id}");
        let told = if word.is_empty() { path.clone() } else { format!("{path}/{word}") };
        let method = if word == "revisions" { Method::POST } else { Method::PUT };
        self.tell_of((&path, mark), (method, &told), |_: &Quote| body.cloned()).await
    }

    /// Tells a service something about what is at this path and still has this mark. What is told may follow from what is
    /// there.
    pub(crate) async fn tell_of<T: Seen, R: DeserializeOwned>(
        &self,
        (path, mark): (&str, &str),
        (method, told): (Method, &str),
        body: impl Fn(&T) -> Option<Value>,
    ) -> Result<R, No> {
        for _ in 0..TRIES {
            let Some(now) = self.find_version::<T>(T::AT, path).await? else {
                return Err(refused(404));
            };
            if now.it.mark() != mark {
                break;
            }
            let (body, beside) = (body(&now.it), Beside { version: Some(&now.version), key: None });
            match self.tell(T::AT, method.clone(), told, body.as_ref(), beside).await {
                Err(No::Refused(refusal)) if refusal.status == 412 => {}
                answer => return answer,
            }
        }
        Err(refused(412))
    }
}

fn refused(status: u16) -> No {
    let code = if status == 412 { "stale" } else { "not_found" }.to_owned();
    No::Refused(Refusal { status, code, ..Refusal::default() })
}
