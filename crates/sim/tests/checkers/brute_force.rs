//! The definition of linearizability, word for word: try every order. For a handful of operations only.

use sim::history::Operation;

/// Whether some order of the operations explains every answer; `act` is the object itself.
pub(crate) fn explains<S: Clone, I, O: PartialEq>(
    operations: &[Operation<I, O>],
    state: &S,
    act: &dyn Fn(&mut S, &I) -> O,
) -> bool {
    let all: Vec<&Operation<I, O>> = operations.iter().collect();
    continues(&all, state, act)
}

fn continues<S: Clone, I, O: PartialEq>(left: &[&Operation<I, O>], state: &S, act: &dyn Fn(&mut S, &I) -> O) -> bool {
    if left.iter().all(|operation| operation.end.is_none()) {
        return true;
    }
    (0..left.len()).any(|next| {
        let operation = left[next];
        let ended_before_it =
            |other: &&Operation<I, O>| other.end.as_ref().is_some_and(|(end, _)| *end < operation.begin);
        if left.iter().any(ended_before_it) {
            return false;
        }
        let mut state = state.clone();
        let output = act(&mut state, &operation.input);
        if operation.end.as_ref().is_some_and(|(_, seen)| *seen != output) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(next);
        continues(&rest, &state, act)
    })
}
