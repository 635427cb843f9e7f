//! What must not compile: the verified types have one door. Each `.stderr` has the error's code.

#[test]
fn the_verified_types_have_one_door() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
