//! The production functions, called at most once for a state and an input.

use std::rc::Rc;

use garage_billing_service::{bill::Bill, payment::Due};
use garage_events::{Event, Service, Transition};
use garage_execution_service::execution::Job;
use garage_os_service::work_order::WorkOrder;

use crate::{
    code::history,
    garage::{Call, Calls, Change, Garage},
    moves,
    numbered::number_among,
    promises,
    world::World,
};

impl Garage<'_> {
    pub(crate) fn at_the_desk(&mut self, order: u32) -> Rc<[Change]> {
        if let Some(known) = self.at_the_desk.get(order) {
            return known;
        }
        let before = self.orders.get(order).clone();
        let moves = moves::at_the_desk(self.code, &before);
        let changes = moves.into_iter().map(|(name, moved)| self.order_changed(name, &before, moved));
        let changes: Rc<[Change]> = changes.collect();
        self.at_the_desk.set(order, changes.clone());
        changes
    }

    pub(crate) fn at_the_till(&mut self, bill: u32) -> Rc<[Change]> {
        if let Some(known) = self.at_the_till.get(bill) {
            return known;
        }
        let before = self.bills.get(bill).clone();
        let moves = moves::at_the_till(self.code, &before, self.scope);
        let changes = moves.into_iter().map(|(name, moved)| self.bill_changed(name, &before, moved));
        let changes: Rc<[Change]> = changes.collect();
        self.at_the_till.set(bill, changes.clone());
        changes
    }

    pub(crate) fn in_the_shop(&mut self, job: u32) -> Rc<[Change]> {
        if let Some(known) = self.in_the_shop.get(job) {
            return known;
        }
        let before = self.jobs.get(job).clone();
        let moves = moves::in_the_shop(self.code, &before);
        let changes = moves.into_iter().map(|(name, moved)| self.job_changed(name, &before, moved));
        let changes: Rc<[Change]> = changes.collect();
        self.in_the_shop.set(job, changes.clone());
        changes
    }

    pub(crate) fn own_moves(&mut self, ledger: u32) -> Rc<[(&'static str, u32)]> {
        if let Some(known) = self.of_their_own.get(ledger) {
            return known;
        }
        let moves = self.ledgers.get(ledger).own_moves(self.scope.vices);
        let moves: Rc<[_]> =
            moves.into_iter().map(|(name, after)| (name, self.ledger_number(after))).collect();
        self.of_their_own.set(ledger, moves.clone());
        moves
    }

    /// What comes of a delivery to whoever it is for.
    pub(crate) fn heard(&mut self, bit: u32, world: &World) -> Change {
        let service = self.delivery(bit).1;
        let hearer = match service {
            Service::Os => world.order,
            Service::Billing => world.bill,
            Service::Execution => world.job,
        };
        if let Some(known) = self.heard[bit as usize].get(hearer) {
            return known;
        }
        let event = self.delivery(bit).0.clone();
        let change = match service {
            Service::Os => self.heard_by_order(hearer, &event),
            Service::Billing => self.heard_by_bill(hearer, &event),
            Service::Execution => self.heard_by_job(hearer, &event),
        };
        self.heard[bit as usize].set(hearer, change);
        change
    }

    /// Whether no event that only tells history changes what this order is.
    pub(crate) fn history_is_inert(&mut self, order: u32) -> promises::Kept {
        if self.inert.get(order).is_none() {
            let before = self.orders.get(order);
            for event in history() {
                promises::history_is_inert(before, &self.code.order(before.clone(), &event))?;
            }
            self.inert.set(order, ());
        }
        Ok(())
    }

    fn heard_by_order(&mut self, order: u32, event: &Event) -> Change {
        let before = self.orders.get(order).clone();
        let moved = self.code.order(before.clone(), event);
        self.order_changed("", &before, moved)
    }

    fn heard_by_bill(&mut self, bill: u32, event: &Event) -> Change {
        let before = self.bills.get(bill).clone();
        let moved = self.code.bill(before.clone(), event);
        self.bill_changed("", &before, moved)
    }

    fn heard_by_job(&mut self, job: u32, event: &Event) -> Change {
        let before = self.jobs.get(job).clone();
        let moved = self.code.job(before.clone(), event);
        self.job_changed("", &before, moved)
    }

    /// The calls that a bill asks for, each as the step of the cashier who reads it.
    pub(crate) fn calls(&mut self, bill: u32) -> Calls {
        if let Some(known) = self.calls.get(bill) {
            return known;
        }
        let before = self.bills.get(bill).clone();
        let due = self.code.due(&before).into_iter().filter_map(|due| self.taken(&before, due));
        let mut taken: Vec<(Bill, Due)> = due.collect();
        if self.scope.looks {
            let idle = before.attempts.iter().filter(|attempt| attempt.due(before.is_wanted()).is_none());
            taken.extend(idle.map(|attempt| (before.clone(), attempt.look())));
        }
        let changes = taken.into_iter().map(|(after, due)| Change {
            asks: Some(self.due_number(due)),
            ..self.bill_changed("a cashier sees what is due", &before, Transition::quiet(after))
        });
        let calls = Calls { changes: changes.collect(), is_empty: before.due().is_empty() };
        self.calls.set(bill, calls.clone());
        calls
    }

    /// A charge is stored as about to be sent again before it is, and is sent only if it is still due then.
    fn taken(&self, bill: &Bill, due: Due) -> Option<(Bill, Due)> {
        if !matches!(due, Due::Create(_)) {
            return Some((bill.clone(), due));
        }
        let resent = self.code.resend(bill.clone(), due.reference()).state;
        let due = self.code.due(&resent).into_iter().find(|again| again.reference() == due.reference())?;
        matches!(due, Due::Create(_)).then_some((resent, due))
    }

    /// Every way in which a call may go.
    pub(crate) fn called(&mut self, ledger: u32, due: u16, is_sent: bool) -> Rc<[Call]> {
        if let Some(known) = self.called.get(&(ledger, due, is_sent)) {
            return known.clone();
        }
        let (before, asked) = (self.code.ledger(self.ledgers.get(ledger)), self.due(due).clone());
        let ways = before.perform(&asked, self.scope.vices, is_sent).into_iter().map(|called| Call {
            name: called.name,
            ledger: self.ledger_number(called.ledger),
            answer: called.answer.map(|answer| {
                let given = (asked.reference(), answer, called.at);
                u16::try_from(number_among(&mut self.answers, given)).unwrap_or(u16::MAX)
            }),
        });
        let ways: Rc<[Call]> = ways.collect();
        self.called.insert((ledger, due, is_sent), ways.clone());
        ways
    }

    /// What comes of storing an answer.
    pub(crate) fn stored(&mut self, bill: u32, answer: u16) -> Change {
        if let Some(known) = self.stored.get(&(bill, answer)) {
            return *known;
        }
        let (reference, given, at) = self.answers[usize::from(answer)].clone();
        let before = self.bills.get(bill).clone();
        let moved = self.code.hear(before.clone(), reference, given, at);
        let change = self.bill_changed("an answer is stored", &before, moved);
        self.stored.insert((bill, answer), change);
        change
    }

    pub(crate) fn due(&self, number: u16) -> &Due {
        &self.dues[usize::from(number)]
    }

    fn order_changed(
        &mut self,
        name: &'static str,
        before: &WorkOrder,
        moved: Transition<WorkOrder>,
    ) -> Change {
        let broken = promises::ended_is_not_called_off(before, &moved).err();
        let (is_quiet, told) = (moved == Transition::quiet(before.clone()), self.told(&moved.events));
        Change { name, state: self.order_number(moved.state), told, asks: None, is_quiet, broken }
    }

    /// An attempt that was just taken is charged by whoever took it.
    fn bill_changed(&mut self, name: &'static str, before: &Bill, moved: Transition<Bill>) -> Change {
        let broken = promises::money_is_told(before, &moved).err();
        let (is_quiet, told) = (moved == Transition::quiet(before.clone()), self.told(&moved.events));
        let is_taken = moved.state.attempts.len() > before.attempts.len();
        let taken = moved.state.attempts.last().filter(|_| is_taken);
        let asks = taken.and_then(|attempt| attempt.due(moved.state.is_wanted()));
        let asks = asks.map(|due| self.due_number(due));
        Change { name, state: self.bill_number(moved.state), told, asks, is_quiet, broken }
    }

    fn job_changed(&mut self, name: &'static str, before: &Job, moved: Transition<Job>) -> Change {
        let (is_quiet, told) = (moved == Transition::quiet(before.clone()), self.told(&moved.events));
        Change { name, state: self.job_number(moved.state), told, asks: None, is_quiet, broken: None }
    }
}
