//! Every world that can follow a world. What a step does to its aggregate is computed once and remembered in
//! the [`Garage`]; what is left to do for each world is a few numbers.

use garage_billing_service::payment::Due;
use garage_events::Service;

use crate::{
    garage::{Change, Garage},
    promises::Kept,
    world::{Hand, Step, World},
};

impl Garage<'_> {
    /// Every step from here, and where it leads.
    pub(crate) fn next(&mut self, world: World, into: &mut Vec<(Step, World)>) {
        for change in self.at_the_desk(world.order).iter() {
            into.push(self.step(world, *change, |world, order| World { order, ..world }));
        }
        for change in self.at_the_till(world.bill).iter() {
            self.at_the_till_of(world, *change, into);
        }
        for change in self.in_the_shop(world.job).iter() {
            into.push(self.step(world, *change, |world, job| World { job, ..world }));
        }
        for (name, ledger) in self.own_moves(world.ledger).iter() {
            into.push((Step::Did(name), World { ledger: *ledger, ..world }));
        }
        self.deliveries(world, into);
        self.hands(world, into);
    }

    /// One aggregate moves on and its events set out, in one step.
    fn step(&mut self, world: World, change: Change, moved: fn(World, u32) -> World) -> (Step, World) {
        let step = Step::Did(change.name);
        (step, self.told_by(world, step, change, moved))
    }

    fn told_by(&mut self, world: World, step: Step, change: Change, moved: fn(World, u32) -> World) -> World {
        let again = (change.told & (world.due | world.done) != 0).then_some("an event was told twice");
        if let Some(promise) = change.broken.or(again).filter(|_| self.broken.is_none()) {
            self.broken = Some((promise, step));
        }
        let world = moved(world, change.state);
        World { due: world.due | change.told & !world.done, ..world }
    }

    /// Whoever pays waits for the gateway's answer, or has died before asking.
    fn at_the_till_of(&mut self, world: World, change: Change, into: &mut Vec<(Step, World)>) {
        let (step, after) = self.step(world, change, |world, bill| World { bill, ..world });
        if let (Some(due), Some(place)) = (change.asks, self.free_hand(&world)) {
            let asking = if self.code.stores_first() { after } else { world };
            into.push((step, asking.with_hand(place, Hand::Asking(due))));
            into.push((Step::Lost(change.name), after));
        } else {
            into.push((step, after));
        }
    }

    fn free_hand(&self, world: &World) -> Option<usize> {
        let busy = world.hands.iter().filter(|hand| **hand != Hand::Free).count();
        world.hands.iter().position(|hand| *hand == Hand::Free).filter(|_| busy < self.scope.hands)
    }

    fn deliveries(&mut self, world: World, into: &mut Vec<(Step, World)>) {
        let mut due = world.due;
        while due != 0 {
            let bit = due.trailing_zeros();
            due &= due - 1;
            let heard = World { due: world.due & !(1 << bit), done: world.done | 1 << bit, ..world };
            let (step, change) = (Step::Heard(bit), self.heard(bit, &world));
            let moved: fn(World, u32) -> World = match self.delivery(bit).1 {
                Service::Os => |world, order| World { order, ..world },
                Service::Billing => |world, bill| World { bill, ..world },
                Service::Execution => |world, job| World { job, ..world },
            };
            into.push((step, self.told_by(heard, step, change, moved)));
        }
    }

    /// What the cashiers do: read what is due, ask, store what was answered.
    fn hands(&mut self, world: World, into: &mut Vec<(Step, World)>) {
        if let Some(place) = self.free_hand(&world) {
            for change in self.calls(world.bill).changes.iter() {
                let (step, after) = self.step(world, *change, |world, bill| World { bill, ..world });
                let hand = change.asks.map_or(Hand::Free, Hand::Asking);
                into.push((step, after.with_hand(place, hand)));
            }
        }
        for (place, hand) in world.hands.into_iter().enumerate() {
            match hand {
                Hand::Free => {}
                Hand::Asking(due) => self.ask(world, place, due, into),
                Hand::Holding(answer) => {
                    let change = self.stored(world.bill, answer);
                    let (step, after) = self.step(world, change, |world, bill| World { bill, ..world });
                    into.push((step, after.with_hand(place, Hand::Free)));
                }
            }
        }
    }

    /// The call is made; its answer arrives, or does not.
    fn ask(&mut self, world: World, place: usize, due: u16, into: &mut Vec<(Step, World)>) {
        let is_sent = self.is_sent(world, place, due);
        for call in self.called(world.ledger, due, is_sent).iter() {
            let after = World { ledger: call.ledger, ..world };
            if let Some(answer) = call.answer {
                into.push((Step::Did(call.name), after.with_hand(place, Hand::Holding(answer))));
            }
            into.push((Step::Lost(call.name), after.with_hand(place, Hand::Free)));
        }
    }

    /// Whether another hand is about to send the charge, or the part, that this call is about.
    fn is_sent(&self, world: World, place: usize, due: u16) -> bool {
        let reference = self.due(due).reference();
        let others = world.hands.into_iter().enumerate().filter(|(other, _)| *other != place);
        let mut asked = others.filter_map(|(_, hand)| match hand {
            Hand::Asking(due) => Some(self.due(due)),
            Hand::Free | Hand::Holding(_) => None,
        });
        let looked_for =
            if let Due::LookForRefund { refund, .. } = self.due(due) { Some(*refund) } else { None };
        asked.any(|due| match due {
            Due::Create(charge) => charge.reference == reference,
            Due::GiveBack { refund, .. } => looked_for == Some(*refund),
            Due::Search { .. }
            | Due::Read { .. }
            | Due::Cancel { .. }
            | Due::Refund { .. }
            | Due::LookForRefund { .. } => false,
        })
    }

    /// Promise 5: what was heard before has no effect and tells nothing, however late it comes again; what only
    /// tells history never has.
    pub(crate) fn repetition_has_no_effect(&mut self, world: &World) -> Kept {
        let mut done = world.done;
        while done != 0 {
            let bit = done.trailing_zeros();
            done &= done - 1;
            if !self.heard(bit, world).is_quiet {
                return Err("a repeated event had an effect");
            }
        }
        self.history_is_inert(world.order)
    }

    /// Nothing is on its way, no gateway call is under way or due.
    pub(crate) fn is_quiet(&mut self, world: &World) -> bool {
        world.due == 0 && world.hands == [Hand::Free; 2] && self.calls(world.bill).is_empty
    }
}
