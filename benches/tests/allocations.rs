//! How many allocations a decision makes: none that grow with what the organisation has configured.

use allocation_counter::measure;
use benches::world::{self, World};
use domain::ModelId;

/// Allocations of a decision with everything in it; most are the texts of the record.
const FULL: u64 = 60;

fn allocations(policies: usize) -> [u64; 2] {
    let (world, key) = (World::crowded(policies).expect("a world"), world::key().expect("a key"));
    let model = ModelId::parse("provider-2/model-6").expect("a model id");
    let by_alias = measure(|| drop(world.decide_static(&key).expect("a decision")));
    let by_bare_name = measure(|| drop(world.decide_bare(&key, &model).expect("a decision")));
    [by_alias.count_total, by_bare_name.count_total]
}

#[test]
fn allocations_of_a_decision_do_not_grow_with_the_number_of_policies() {
    let few = allocations(1);
    assert!(few.iter().all(|count| *count > 0), "allocations are not being counted: {few:?}");
    assert_eq!(few, allocations(10_000));
}

#[test]
fn full_decision_stays_within_its_allocations() {
    let world = World::full().expect("a world");
    let seen = measure(|| drop(world.decide_scored().expect("a decision"))).count_total;
    assert!(seen <= FULL, "{seen} allocations, expected at most {FULL}");
}
