//! One method of a component: what it must look like to be called from anywhere.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{
    Attribute, Block, FnArg, GenericArgument, Pat, PatType, PathArguments, Receiver, ReceiverKind, ReturnType, Safety,
    Signature, Token, TraitItemFn, Type,
};

use crate::marks::Marks;
use crate::mistakes::Mistakes;
use crate::spelling::{refuse_what_cannot_cross, stream_message, written};

/// More are a sign that they want a struct, and tuples end at twelve.
const ARGUMENTS_MAX: usize = 12;

/// A method that can be called from anywhere.
pub(crate) struct Method {
    /// The user's attributes but for the marks.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) fn_token: Token![fn],
    pub(crate) ident: Ident,
    pub(crate) marks: Marks,
    pub(crate) receiver: Receiver,
    /// The name and the type of the context, as written.
    pub(crate) cx: (Ident, Type),
    pub(crate) arguments: Vec<Argument>,
    /// The `Result<T, E>`, as written.
    pub(crate) result: Type,
    pub(crate) ok: Type,
    pub(crate) error: Type,
    /// What runs where a module does not write its own.
    pub(crate) default: Option<Block>,
}

/// An argument after the context.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Argument {
    /// The name on the wire.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

impl Method {
    /// Judges a method of the trait; none if a mistake leaves nothing to emit.
    pub(crate) fn read(method: TraitItemFn, mistakes: &mut Mistakes) -> Option<Method> {
        let TraitItemFn {
            mut attrs,
            sig,
            default,
            ..
        } = method;
        let marks = Marks::take(&mut attrs, mistakes);
        for attribute in attrs.iter().filter(|attribute| is_condition(attribute)) {
            let message = "an interface is the same in every build: put the condition on the trait, or remove it";
            mistakes.add(attribute, message);
        }
        refuse_unusual(&sig, mistakes);
        let (cx, arguments) = read_inputs(&sig, mistakes);
        let result = read_result(&sig, mistakes);
        if let Some(key) = &marks.key
            && !arguments.iter().any(|argument| argument.ident == *key)
        {
            mistakes.add(key, no_such_argument(key, &arguments));
        }
        let (result, ok, error) = result?;
        let receiver = sig.receiver()?.clone();
        Some(Method {
            attributes: attrs,
            fn_token: sig.fn_token,
            ident: sig.ident,
            marks,
            receiver,
            cx: cx?,
            arguments,
            result,
            ok,
            error,
            default,
        })
    }

    /// The name on the wire.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}

/// All that a method may be in Rust and may not be here, but for its arguments and its result.
fn refuse_unusual(sig: &Signature, mistakes: &mut Mistakes) {
    let name = sig.ident.unraw();
    if sig.asyncness.is_none() {
        let message = format!("`{name}` may be called over a network: write `async fn {name}`");
        mistakes.add(sig.fn_token, message);
    }
    if let Some(token) = &sig.constness {
        mistakes.add(token, format!("`{name}` runs in another process: remove `const`"));
    }
    if let Safety::Unsafe(_) | Safety::Safe(_) = sig.safety {
        mistakes.add(
            &sig.safety,
            format!(
                "no caller can promise anything to another process: remove `{}`",
                written(&sig.safety)
            ),
        );
    }
    if let Some(abi) = &sig.abi {
        mistakes.add(
            abi,
            format!("`{name}` is called by Terrace, not by C: remove `{}`", written(abi)),
        );
    }
    let parameters = &sig.generics.params;
    if !parameters.is_empty() {
        let parameters = written(parameters);
        let message = format!(
            "`{name}` has one form on the wire: remove `<{parameters}>` and take owned values of concrete types, or an enum of those it may be"
        );
        mistakes.add(&sig.generics, message);
    }
    if let Some(clause) = &sig.generics.where_clause {
        mistakes.add(
            clause,
            format!("`{name}` has one form on the wire: remove the `where` clause"),
        );
    }
}

type Inputs = (Option<(Ident, Type)>, Vec<Argument>);

fn read_inputs(sig: &Signature, mistakes: &mut Mistakes) -> Inputs {
    let name = sig.ident.unraw();
    let mut inputs = sig.inputs.iter().peekable();
    match inputs.next_if(|input| matches!(input, FnArg::Receiver(_))) {
        Some(FnArg::Receiver(receiver)) => {
            if !matches!(receiver.kind, ReceiverKind::Reference(_, None, None)) {
                let message = format!(
                    "many calls of a component run at once: take `&self` instead of `{}`, and keep what changes behind a lock or in the database",
                    written(receiver)
                );
                mistakes.add(receiver, message);
            }
        }
        _ => mistakes.add(&sig.ident, format!("`{name}` runs on a module: take `&self` first")),
    }
    let typed = inputs.filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let mut typed: Vec<&PatType> = typed.collect();
    let cx = match typed.first() {
        Some(first) if is_named(&first.ty, "Cx") => {
            let first = typed.remove(0);
            if !is_context(&first.ty) {
                let message = format!(
                    "the context is lent for the call: take `&Cx` instead of `{}`",
                    written(&first.ty)
                );
                mistakes.add(&first.ty, message);
            }
            read_name(first, mistakes).map(|ident| (ident, (*first.ty).clone()))
        }
        _ => {
            let message = format!(
                "`{name}` has no context: take `cx: &Cx` after `&self`; it carries the deadline, the trace and who asks"
            );
            mistakes.add(&sig.ident, message);
            None
        }
    };
    if typed.len() > ARGUMENTS_MAX {
        let message = format!(
            "`{name}` takes {} arguments and the most is {ARGUMENTS_MAX}: put those that belong together into a struct",
            typed.len()
        );
        mistakes.add(&sig.ident, message);
    }
    (
        cx,
        typed
            .into_iter()
            .filter_map(|typed| read_argument(typed, mistakes))
            .collect(),
    )
}

fn read_argument(typed: &PatType, mistakes: &mut Mistakes) -> Option<Argument> {
    for attribute in &typed.attrs {
        mistakes.add(attribute, "an argument takes no attributes: remove it");
    }
    if is_named(&typed.ty, "Cx") {
        mistakes.add(
            typed,
            "the context comes first and once: take `cx: &Cx` after `&self`, and only there",
        );
        return None;
    }
    refuse_what_cannot_cross(&typed.ty, "arguments", mistakes);
    read_name(typed, mistakes).map(|ident| Argument {
        ident,
        ty: (*typed.ty).clone(),
    })
}

/// The one name of an argument, which is also its name on the wire.
fn read_name(typed: &PatType, mistakes: &mut Mistakes) -> Option<Ident> {
    match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() => {
            Some(pat.ident.clone())
        }
        pattern => {
            let message = format!(
                "an argument crosses by its name: give it one instead of `{}`, and take it apart in the module",
                written(pattern)
            );
            mistakes.add(pattern, message);
            None
        }
    }
}

fn read_result(sig: &Signature, mistakes: &mut Mistakes) -> Option<(Type, Type, Type)> {
    let name = sig.ident.unraw();
    let ReturnType::Type(_, result) = &sig.output else {
        let message = format!(
            "`{name}` can fail like every call: return `Result<(), E>`, where `E` is your own enum with `From<CallError>`"
        );
        mistakes.add(&sig.ident, message);
        return None;
    };
    if let Some(message) = stream_message(result) {
        mistakes.add(result, message);
        return None;
    }
    let Some((ok, error)) = ok_and_error(result) else {
        let message = if is_named(result, "Result") {
            "the error is part of the interface: write `Result<T, E>` with both types, not an alias".to_string()
        } else {
            let result = written(result);
            format!(
                "`{name}` can fail like every call: return `Result<{result}, E>`, where `E` is your own enum with \
                 `From<CallError>`; an alias is written out"
            )
        };
        mistakes.add(result, message);
        return None;
    };
    refuse_what_cannot_cross(ok, "results", mistakes);
    refuse_what_cannot_cross(error, "errors", mistakes);
    Some(((**result).clone(), ok.clone(), error.clone()))
}

fn ok_and_error(result: &Type) -> Option<(&Type, &Type)> {
    let Type::Path(path) = result else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(ok), GenericArgument::Type(error)] => Some((ok, error)),
        _ => None,
    }
}

/// Whether the type, or what it refers to, is a path that ends in `name`.
fn is_named(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Reference(reference) => is_named(&reference.elem, name),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    }
}

fn is_context(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_none() && reference.lifetime.is_none())
}

fn no_such_argument(key: &Ident, arguments: &[Argument]) -> String {
    let names: Vec<String> = arguments
        .iter()
        .map(|argument| argument.ident.unraw().to_string())
        .collect();
    let names = || names.iter().map(String::as_str);
    match crate::nearest::listed(names()) {
        none if none.is_empty() => format!("`{key}` is no argument, and there is none to choose: remove `key`"),
        listed => format!("`{key}` is no argument: `key` names one of {listed}"),
    }
}
