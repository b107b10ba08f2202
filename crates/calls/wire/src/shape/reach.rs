//! What can be reached from a use of a type. Walks keep a list instead of recursing, since types may refer to
//! themselves, and are linear in the number of types and fields.

use super::{Body, TypeDef, TypeRef};

/// Visits `from` and every use of a type that it holds, each named type's body once, until `visit` finds something.
pub fn find<'a, T>(
    types: &'a [TypeDef],
    from: &'a TypeRef,
    mut visit: impl FnMut(&'a TypeRef) -> Option<T>,
) -> Option<T> {
    let mut met = vec![false; types.len()];
    let mut open = vec![from];
    while let Some(type_ref) = open.pop() {
        if let Some(found) = visit(type_ref) {
            return Some(found);
        }
        match type_ref {
            TypeRef::Option(inner) | TypeRef::Sequence(inner) => open.push(inner),
            TypeRef::Map(key, value) => open.extend([&**value, &**key]),
            TypeRef::Tuple(elements) => open.extend(elements.iter().rev()),
            TypeRef::Named(index) => {
                let index = *index as usize;
                if let (Some(def), Some(false)) = (types.get(index), met.get(index)) {
                    met[index] = true;
                    open.extend(uses(&def.body).into_iter().rev());
                }
            }
            _ => {}
        }
    }
    None
}

/// The uses of types in `body`, in order.
pub fn uses(body: &Body) -> Vec<&TypeRef> {
    match body {
        Body::Unit => Vec::new(),
        Body::Newtype(inner) => vec![inner],
        Body::Tuple(elements) => elements.iter().collect(),
        Body::Struct { fields, .. } => fields.iter().map(|field| &field.type_ref).collect(),
        // A case is never an enum, so this goes one level down.
        Body::Enum { cases } => cases.iter().flat_map(|case| uses(&case.body)).collect(),
    }
}

/// Why data of this type cannot be positional, if it cannot.
pub fn opaque<'a>(types: &'a [TypeDef], from: &'a TypeRef) -> Option<&'a str> {
    find(types, from, |type_ref| match type_ref {
        TypeRef::Opaque(reason) => Some(reason.as_str()),
        _ => None,
    })
}

/// Whether a [`CallError`](crate::CallError) may be inside, so that [`Shape::crossed`](super::Shape::crossed) matters.
/// A type of the user's by the same name counts too; calling `crossed` on it costs a little and changes nothing.
pub fn holds_call_error(types: &[TypeDef], from: &TypeRef) -> bool {
    find(types, from, |type_ref| match type_ref {
        TypeRef::Named(index) => types.get(*index as usize).filter(|def| def.name == "CallError"),
        _ => None,
    })
    .is_some()
}

/// Whether data of this type may nest without end.
pub fn is_recursive(types: &[TypeDef], from: &TypeRef) -> bool {
    /// A type is being followed, or done with.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Unmet,
        Open,
        Done,
    }
    enum Step {
        Enter(usize),
        Leave(usize),
    }
    let mut marks = vec![Mark::Unmet; types.len()];
    let mut steps: Vec<Step> = names(from).into_iter().map(Step::Enter).collect();
    while let Some(step) = steps.pop() {
        let index = match step {
            Step::Leave(index) => {
                marks[index] = Mark::Done;
                continue;
            }
            Step::Enter(index) => index,
        };
        match marks.get(index) {
            Some(Mark::Open) => return true,
            Some(Mark::Unmet) => {
                marks[index] = Mark::Open;
                steps.push(Step::Leave(index));
                steps.extend(uses(&types[index].body).into_iter().flat_map(names).map(Step::Enter));
            }
            Some(Mark::Done) | None => {}
        }
    }
    false
}

/// The named types in `type_ref` itself.
fn names(type_ref: &TypeRef) -> Vec<usize> {
    let mut names = Vec::new();
    find::<()>(&[], type_ref, |inner| {
        if let TypeRef::Named(index) = inner {
            names.push(*index as usize);
        }
        None
    });
    names
}
