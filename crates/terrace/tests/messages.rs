//! Every mistake that a macro sees, and the likely ones that it cannot see, has a message that says what to do.
//!
//! `TRYBUILD=overwrite cargo test -p terrace --test messages` writes the messages anew; read them before they are kept.

#[test]
fn a_mistake_has_a_sentence_with_the_fix() {
    trybuild::TestCases::new().compile_fail("tests/messages/*.rs");
}
