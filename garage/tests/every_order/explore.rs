//! Breadth first, so that a broken promise has a shortest way to it.

use std::{collections::BTreeMap, fmt, time::Instant};

use garage_events::WorkOrderStatus;

use crate::{
    code::Code,
    found::Found,
    garage::{Garage, Scope},
    promises,
    reached::{Edge, PATHS},
    world::{Step, World},
};

/// What an exploration saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub states: usize,
    pub steps: usize,
    pub quiet: usize,
    pub ends: BTreeMap<WorkOrderStatus, usize>,
    /// The paths of [`PATHS`] that nobody took.
    pub missed: Vec<&'static str>,
    sizes: String,
    begun: Instant,
}

/// A broken promise and the shortest way to it.
pub(crate) struct Broken {
    pub promise: &'static str,
    pub way: Vec<String>,
}

/// Every world that can be reached from a car's being taken in.
pub(crate) fn explore(code: &dyn Code, scope: Scope) -> Result<Seen, Broken> {
    let mut garage = Garage::new(code, scope);
    let mut found = Found::beginning_with(garage.opened());
    let mut seen = Seen::nothing();
    let mut missed = PATHS.to_vec();
    let mut next: Vec<(Step, World)> = Vec::new();
    while seen.states < found.len() {
        let (here, world) = (seen.states, found.get(seen.states));
        let kept = seen.look(&mut garage, &world, found.before(here));
        kept.map_err(|promise| broken(&mut garage, &found, here, None, promise))?;
        garage.next(world, &mut next);
        if let Some((promise, step)) = garage.broken {
            return Err(broken(&mut garage, &found, here, Some(step), promise));
        }
        seen.steps += next.len();
        for (step, after) in next.drain(..) {
            if found.is_new(after, u32::try_from(here).unwrap_or(u32::MAX)) && !missed.is_empty() {
                let edge = Edge {
                    before: garage.sight(&world),
                    after: garage.sight(&after),
                    step: garage.describe(step),
                };
                missed.retain(|path| !(path.is_taken)(&edge));
            }
        }
    }
    seen.missed = missed.iter().map(|path| path.name).collect();
    seen.sizes = garage.sizes();
    Ok(seen)
}

impl Seen {
    fn nothing() -> Self {
        Self {
            states: 0,
            steps: 0,
            quiet: 0,
            ends: BTreeMap::new(),
            missed: Vec::new(),
            sizes: String::new(),
            begun: Instant::now(),
        }
    }

    /// Looks at one more world. What always holds is about the money and the work alone, so it has been looked at
    /// if those were the same one step before.
    fn look(&mut self, garage: &mut Garage<'_>, world: &World, before: Option<World>) -> promises::Kept {
        let matter = |world: &World| (world.bill, world.job, world.ledger);
        if before.is_none_or(|before| matter(&before) != matter(world)) {
            promises::hold(&garage.sight(world))?;
        }
        garage.repetition_has_no_effect(world)?;
        self.states += 1;
        if garage.is_quiet(world) {
            let sight = garage.sight(world);
            promises::rest_is_right(&sight)?;
            self.quiet += 1;
            *self.ends.entry(sight.order.status()).or_default() += 1;
        }
        Ok(())
    }
}

/// Says how the promise was broken: each world of the way is looked for among those that follow the one before.
fn broken(
    garage: &mut Garage<'_>,
    found: &Found,
    at: usize,
    last: Option<Step>,
    promise: &'static str,
) -> Broken {
    let worlds = found.way(at);
    let mut way = Vec::new();
    for pair in worlds.windows(2) {
        let mut next = Vec::new();
        garage.next(pair[0], &mut next);
        let taken = next.iter().find(|(_, after)| *after == pair[1]);
        way.extend(taken.map(|(step, _)| garage.describe(*step)));
    }
    way.extend(last.map(|step| garage.describe(step)));
    Broken { promise, way }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.begun.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let pace = self.states as f64 / seconds;
        let ends: Vec<String> = self.ends.iter().map(|(end, worlds)| format!("{worlds} {end}")).collect();
        write!(
            f,
            "{} states, {} steps in {seconds:.1} s ({pace:.0} states/s); {} at rest: {}; made of {}",
            self.states,
            self.steps,
            self.quiet,
            ends.join(", "),
            self.sizes
        )
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` after {} steps:\n  {}", self.promise, self.way.len(), self.way.join("\n  "))
    }
}
