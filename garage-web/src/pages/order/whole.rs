//! All that the three services know of one order, asked at once. What one of them cannot tell just now is left out, and
//! the page says so.

use std::sync::Arc;

use garage_events::{Service, WorkOrderId};

use crate::{
    app::App,
    mail::book::Entry,
    services::{
        Asker, No, Versioned,
        names::Named,
        view::{Earlier, Job, Moment, Order, OrderedPart, Payment, Quote},
    },
};

/// An order with everything around it.
pub(crate) struct Whole {
    pub(crate) order: Order,
    pub(crate) named: Named,
    pub(crate) quote: Option<Versioned<Quote>>,
    /// Its texts of before, oldest first.
    pub(crate) earlier: Vec<Earlier>,
    /// Oldest first.
    pub(crate) payments: Vec<Payment>,
    pub(crate) job: Option<Job>,
    pub(crate) history: Vec<Moment>,
    /// The catalogue's parts that the quote names.
    pub(crate) parts: Vec<OrderedPart>,
    /// What was written to the customer by mail, oldest first.
    pub(crate) mails: Vec<Entry>,
    /// Services that did not answer.
    pub(crate) away: Vec<Service>,
}

impl Whole {
    /// `None` for an order that does not exist.
    pub(crate) async fn read(app: &App, asker: &Asker, id: WorkOrderId) -> Result<Option<Self>, No> {
        let Some(order) = asker.find::<Order>(Service::Os, &format!("/work-orders/{id}")).await? else {
            return Ok(None);
        };
        let paths = [
            format!("/quotes/work-order/{id}"),
            format!("/payments/work-order/{id}"),
            format!("/executions/work-order/{id}"),
            format!("/work-orders/{id}/history"),
            format!("/parts/work-order/{id}"),
        ];
        let (named, quote, payments, job, history, parts) = futures::join!(
            app.names.of(asker, &order),
            asker.find_version(Service::Billing, &paths[0]),
            asker.list(Service::Billing, &paths[1]),
            asker.find(Service::Execution, &paths[2]),
            asker.get(Service::Os, &paths[3]),
            asker.find(Service::Billing, &paths[4]),
        );
        let mails = app.book.of(id).await;
        let mails =
            mails.inspect_err(|failure| tracing::error!(%failure, "an order is shown without its mail"));
        let mut away = Vec::new();
        let quote: Option<Versioned<Quote>> = or_away(quote, &mut away)?;
        let earlier = match quote.as_ref().filter(|quote| quote.it.revision > 1) {
            Some(quote) => asker.list(Service::Billing, &format!("/quotes/{}/revisions", quote.it.id)).await,
            None => Ok(Vec::new()),
        };
        Ok(Some(Self {
            order,
            named: named?,
            quote,
            earlier: or_away(earlier, &mut away)?,
            payments: or_away(payments, &mut away)?,
            job: or_away(job, &mut away)?,
            history: or_away(history, &mut away)?,
            parts: or_away::<Option<_>>(parts, &mut away)?.unwrap_or_default(),
            mails: mails.unwrap_or_default(),
            away,
        }))
    }

    /// The attempt that a payer may act on, or that the gateway thinks about.
    pub(crate) fn live_payment(&self) -> Option<&Payment> {
        self.payments.iter().rev().find(|payment| payment.is_live())
    }

    /// The money that is here.
    pub(crate) fn paid(&self) -> Option<&Payment> {
        self.payments.iter().rev().find(|payment| payment.is_kept())
    }

    /// The car in words, and whose it is.
    pub(crate) fn customer(&self) -> Option<&Arc<crate::services::view::Customer>> {
        self.named.customer.as_ref()
    }
}

fn or_away<T: Default>(answer: Result<T, No>, away: &mut Vec<Service>) -> Result<T, No> {
    match answer {
        Err(No::Away(service, cause)) => {
            tracing::warn!(service = service.word(), cause, "an order is shown without it");
            if !away.contains(&service) {
                away.push(service);
            }
            Ok(T::default())
        }
        other => other,
    }
}
