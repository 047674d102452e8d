//! One part, and orders that want it.

use std::collections::BTreeMap;

use garage_events::{Cents, PartId};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use super::*;
use crate::part::{Card, UNIT};

const FIRST: WorkOrderId = WorkOrderId(Uuid::from_u128(9));
const SECOND: WorkOrderId = WorkOrderId(Uuid::from_u128(1));

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + minutes * 60, 0).unwrap()
}

fn units(json: &str) -> Units {
    serde_json::from_str(json).unwrap()
}

fn part(stock: &str) -> Part {
    let card = Card {
        name: "Brake pad".to_owned(),
        part_number: "BP-1".to_owned(),
        price: Cents::ZERO,
        cost_price: None,
        min_stock_level: 1,
        unit: UNIT.to_owned(),
        category: None,
        supplier: None,
    };
    let (stock_quantity, holds) = (units(stock), BTreeMap::new());
    Part { id: PartId(Uuid::nil()), card, stock_quantity, holds, created_at: at(0), updated_at: at(0) }
}

fn need(quantity: &str, minute: i64) -> Need {
    Need { quantity: units(quantity), since: at(minute) }
}

fn after(part: Part, order: WorkOrderId, wish: Wish) -> Part {
    part.in_line_with(order, wish, at(9)).0
}

#[test]
fn what_is_put_aside_is_on_hand_and_not_free() {
    let held = after(part("4"), FIRST, Wish::Keep(need("1.5", 1)));
    let seen = [held.stock_quantity, held.reserved(), held.free(), held.missing()];
    assert_eq!(seen, [units("4"), units("1.5"), units("2.5"), Units::ZERO]);
    assert!(!held.is_low() && after(held.clone(), SECOND, Wish::Keep(need("1.5", 2))).is_low());
    assert_eq!(held.updated_at, at(0), "a claim changes nothing on the shelf");
}

#[test]
fn what_is_taken_is_off_the_shelf_once_however_often_it_is_said() {
    let wish = Wish::Take(need("3", 1));
    let taken = after(after(part("4"), FIRST, Wish::Keep(need("3", 1))), FIRST, wish);
    assert_eq!((taken.stock_quantity, taken.reserved(), taken.updated_at), (units("1"), Units::ZERO, at(9)));
    assert_eq!(taken.clone().in_line_with(FIRST, wish, at(10)), (taken.clone(), Claim::Taken));
    assert_eq!(taken.takers().collect::<Vec<_>>(), [FIRST]);
    let forgotten = after(taken, FIRST, Wish::Nothing);
    assert_eq!((forgotten.stock_quantity, forgotten.holds.len()), (units("1"), 0));
}

#[test]
fn what_was_never_put_aside_is_taken_all_the_same() {
    let taken = after(part("0"), FIRST, Wish::Take(need("2", 1)));
    assert_eq!((taken.stock_quantity, taken.free()), (units("-2"), units("-2")));
}

#[test]
fn what_is_let_go_is_free_again() {
    let held = after(part("4"), FIRST, Wish::Keep(need("3", 1)));
    assert_eq!(held.in_line_with(FIRST, Wish::Nothing, at(9)), (part("4"), Claim::GivenBack));
}

#[test]
fn who_came_first_is_served_first_and_the_rest_is_put_by_for_the_next() {
    let held = after(part("3"), SECOND, Wish::Keep(need("2", 5)));
    let held = after(held, FIRST, Wish::Keep(need("2", 1)));
    let holders: Vec<_> = held.holders().into_iter().map(|holder| (holder.order, holder.missing)).collect();
    assert_eq!(holders, [(FIRST, Units::ZERO), (SECOND, units("1"))]);
    assert_eq!((held.missing(), held.free()), (units("1"), units("-1")));
    let freed = after(held, FIRST, Wish::Nothing);
    assert_eq!(freed.holders()[0].missing, Units::ZERO, "the next one has it");
}

#[test]
fn a_part_that_somebody_needs_stays_in_the_catalogue() {
    let held = after(part("3"), FIRST, Wish::Keep(need("2", 5)));
    let told = held.check_unclaimed().unwrap_err().to_string();
    assert_eq!(told, "removing is not possible: the part is needed by a work order");
    assert_eq!(part("3").check_unclaimed(), Ok(()));
}

fn wish() -> impl Strategy<Value = Wish> {
    let need = (1..5_u32, 0..4_i64)
        .prop_map(|(count, minute)| Need { quantity: Units::whole(count), since: at(minute) });
    need.prop_flat_map(|need| select(vec![Wish::Keep(need), Wish::Take(need), Wish::Nothing]))
}

proptest! {
    /// What is missing is what is wanted beyond what is there, whoever wants it.
    #[test]
    fn the_shelf_adds_up(wishes in proptest::collection::vec((0..5_u128, wish()), 0..12), stock in 0..9_u32) {
        let mut held = part(&stock.to_string());
        for (order, wish) in wishes {
            let order = WorkOrderId(Uuid::from_u128(order));
            held = after(held, order, wish);
            prop_assert_eq!(&after(held.clone(), order, wish), &held, "the same wish again");
        }
        let missing: Units = held.holders().iter().map(|holder| holder.missing).sum();
        prop_assert_eq!(missing, held.missing());
        prop_assert_eq!(held.free(), held.stock_quantity - held.reserved());
        let there = held.reserved() - missing;
        prop_assert!(there <= held.stock_quantity.or_none());
        let short = held.holders().iter().position(|holder| holder.missing > Units::ZERO);
        let later_ones_have_none = short.is_none_or(|first| {
            held.holders()[first + 1..].iter().all(|holder| holder.missing == holder.quantity)
        });
        prop_assert!(later_ones_have_none, "nobody is served before who came first");
    }
}
