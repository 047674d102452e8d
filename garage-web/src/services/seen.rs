//! A word on exactly the quote that somebody saw. A quote's version is its bill's, which also rises when Billing hears of
//! something else; so a page holds a mark of what it shows, and the version is taken when the word is given. What was
//! changed meanwhile by anybody is refused as such.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use garage_events::Service;
use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Asker, Beside, No, Refusal, view::Quote};

/// Every try is lost to a change at the very same moment.
const TRIES: usize = 5;

impl Quote {
    /// The mark of what is shown of it.
    pub(crate) fn mark(&self) -> String {
        let shown = format!("{:?}", (&self.items, self.total_amount, self.valid_until));
        BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(shown)[..16])
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
        for _ in 0..TRIES {
            let Some(now) = self.find_version::<Quote>(Service::Billing, &path).await? else {
                return Err(refused(404));
            };
            if now.it.mark() != mark {
                break;
            }
            let beside = Beside { version: Some(&now.version), key: None };
            match self.tell(Service::Billing, method.clone(), &told, body, beside).await {
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
