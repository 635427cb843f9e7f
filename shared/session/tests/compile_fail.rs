//! What must not compile: a session has one door, and each of its steps is taken once.

#[test]
fn a_session_has_one_door() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
