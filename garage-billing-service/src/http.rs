//! What the routes share. Each route stands with what it is about.

use std::{sync::Arc, time::Duration};

use garage_kit::Repository;
use garage_saga::Shell;
use utoipa::IntoParams;

use crate::{Till, cashier::Cashier, keeper::Keeper};

/// How long a client waits for the gateway; a call that takes longer goes on without it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) cashier: Cashier,
    pub(crate) keeper: Keeper,
    pub(crate) till: Arc<Till>,
}

impl App {
    pub(crate) fn shell(&self) -> &Shell {
        self.cashier.shell()
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.shell().repository
    }
}

/// `If-Match`, for a route's document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatchParam {
    /// The `ETag` of the version that the caller has seen; when it has passed the answer is 412.
    #[param(rename = "If-Match")]
    #[expect(dead_code, reason = "only documents what IfMatch reads")]
    if_match: Option<String>,
}
