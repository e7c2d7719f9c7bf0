//! Faults that the engine finds later are shown at their line.

use crate::support::{toml, yaml};

#[test]
fn parts_are_found_at_their_line_and_absent_ones_at_what_is_around_them() {
    let positions = toml("\n[[policies]]\nname = \"ü\"\nmodels = [\"a/b\",\n  \"a/c\"]\n").unwrap().positions;
    assert_eq!(positions.locate("policies[0].models[1]"), Some((5, 3)));
    assert_eq!(positions.locate("policies[0].name"), Some((3, 8)));
    assert_eq!(positions.locate("policies[0].candidates"), Some((2, 1)));
    assert_eq!(positions.locate("policies[0].models[7].weight"), Some((4, 10)));
    assert_eq!(positions.locate("routers[0]"), None);
}

#[test]
fn yaml_has_the_same_paths() {
    let positions = yaml("policies:\n  - name: x\n    models: [a/b,\n      a/c]\n").unwrap().positions;
    assert_eq!(positions.locate("policies[0].models[1]"), Some((4, 7)));
    assert_eq!(positions.locate("policies[0].slug"), Some((2, 5)));
}
