//! From a request's target to a method.

use std::sync::Arc;

use http::{Method as Verb, StatusCode, Uri, header};

use super::failure::{Failure, shown};
use crate::error::ErrorCode;
use crate::interface::{Interface, Method};
use crate::shape::TypeRef;

/// Names that an error lists.
const LISTED_MAX: usize = 16;

/// The method that a request names.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) component: u32,
    pub(crate) interface: &'a Interface,
    pub(crate) number: u32,
    pub(crate) method: &'a Method,
}

/// Looks for the method that `verb` and `uri` name. Names are compared as they stand: none has a byte that needs
/// percent-encoding.
pub(crate) fn find<'a>(interfaces: &'a [Arc<Interface>], verb: &Verb, uri: &Uri) -> Result<Target<'a>, Failure> {
    let names = uri.path().strip_prefix('/').and_then(|path| path.split_once('/'));
    let Some((component, method)) = names.filter(|(component, method)| !component.is_empty() && !method.is_empty())
    else {
        let path = shown(uri.path());
        let message = format!(
            "nothing is at `{path}`; this is Terrace's HTTP face: send POST /Component/method with `content-type: application/json`"
        );
        return Err(Failure::new(ErrorCode::Unimplemented, message).with_status(StatusCode::NOT_FOUND));
    };
    if verb != Verb::POST {
        let message = format!("`{}` is not answered here; send POST", shown(verb.as_str()));
        return Err(Failure::new(ErrorCode::Unimplemented, message)
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
            .with_header(header::ALLOW, "POST"));
    }
    let target = target(interfaces, component, method)?;
    if uri.query().is_some() {
        let message = "the address has a query, which nobody reads; send the arguments in the JSON body";
        return Err(Failure::new(ErrorCode::InvalidArgument, message));
    }
    Ok(target)
}

fn target<'a>(interfaces: &'a [Arc<Interface>], component: &str, method: &str) -> Result<Target<'a>, Failure> {
    let Some(index) = interfaces.iter().position(|interface| interface.name == component) else {
        let known: Vec<_> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
        let message = format!(
            "there is no component `{}` here; {}",
            shown(component),
            suggestion(component, &known)
        );
        return Err(Failure::new(ErrorCode::Unimplemented, message));
    };
    let interface = &*interfaces[index];
    let Some(number) = interface.methods.iter().position(|known| known.name == method) else {
        let known: Vec<_> = interface.methods.iter().map(|known| known.name.as_str()).collect();
        let message = format!(
            "`{component}` has no method `{}`; {}",
            shown(method),
            suggestion(method, &known)
        );
        return Err(Failure::new(ErrorCode::Unimplemented, message));
    };
    Ok(Target {
        component: index as u32,
        interface,
        number: number as u32,
        method: &interface.methods[number],
    })
}

impl Interface {
    /// The name by which an error of type `type_ref` is known.
    pub(crate) fn type_name(&self, type_ref: &TypeRef) -> &str {
        match type_ref {
            TypeRef::Named(index) => self.types.get(*index as usize).map_or("Error", |known| &known.name),
            TypeRef::String => "String",
            _ => "Error",
        }
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let listed: Vec<_> = known
        .iter()
        .take(LISTED_MAX)
        .map(|known| format!("`{known}`"))
        .collect();
    let more = if known.len() > LISTED_MAX { " and more" } else { "" };
    let all = if listed.is_empty() {
        "nothing".to_string()
    } else {
        listed.join(", ")
    };
    match nearest(name, known) {
        Some(nearest) => format!("there is {all}{more}: did you mean `{nearest}`?"),
        None => format!("there is {all}{more}"),
    }
}

/// The known name that differs from `name` in the fewest letters, if at most a third of them differ.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const BYTES_MAX: usize = 64;
    if name.len() > BYTES_MAX {
        return None;
    }
    let distances = known
        .iter()
        .filter(|known| known.len() <= BYTES_MAX)
        .map(|known| (distance(name, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len().max(3) / 3).then_some(nearest)
}

/// Levenshtein's distance, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, left) in left.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, right) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(!left.eq_ignore_ascii_case(&right));
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, find, nearest};
    use crate::interface::{Interface, Marks, Method};
    use crate::shape::TypeRef;
    use http::{Method as Verb, Uri};
    use std::sync::Arc;

    fn interface(name: &str, methods: &[&str]) -> Arc<Interface> {
        let method = |name: &&str| Method {
            name: (*name).to_string(),
            doc: String::new(),
            marks: Marks::default(),
            arguments: Vec::new(),
            output: TypeRef::Unit,
            error: TypeRef::Unit,
        };
        Arc::new(Interface {
            name: name.to_string(),
            owner: None,
            requires: None,
            doc: String::new(),
            methods: methods.iter().map(method).collect(),
            types: Vec::new(),
        })
    }

    fn check(verb: Verb, target: &str) -> Result<(u32, u32), (u16, String)> {
        let interfaces = [
            interface("Greeter", &["greet", "farewell"]),
            interface("Todos", &["add", "list"]),
        ];
        let uri: Uri = target.parse().expect("a target");
        match find(&interfaces, &verb, &uri) {
            Ok(target) => Ok((target.component, target.number)),
            Err(failure) => {
                let body = failure.body();
                Err((failure.into_response().status().as_u16(), body))
            }
        }
    }

    #[test]
    fn a_path_names_component_and_method() {
        assert_eq!(check(Verb::POST, "/Greeter/greet"), Ok((0, 0)));
        assert_eq!(check(Verb::POST, "/Todos/list"), Ok((1, 1)));
        assert_eq!(check(Verb::POST, "http://localhost/Todos/list"), Ok((1, 1)));
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_is_near() {
        let (status, body) = check(Verb::POST, "/Greeter/gret").expect_err("unknown");
        assert_eq!(status, 501);
        assert!(
            body.contains("there is `greet`, `farewell`: did you mean `greet`?"),
            "{body}"
        );
        let (status, body) = check(Verb::POST, "/Todo/add").expect_err("unknown");
        assert_eq!(status, 501);
        assert!(
            body.contains("there is `Greeter`, `Todos`: did you mean `Todos`?"),
            "{body}"
        );
    }

    #[test]
    fn odd_targets_are_answered() {
        for (verb, target, status) in [
            (Verb::GET, "/", 404),
            (Verb::POST, "*", 404),
            (Verb::POST, "/Greeter", 404),
            (Verb::POST, "/Greeter/", 404),
            (Verb::POST, "//greet", 404),
            (Verb::POST, "/Greeter/greet/", 501),
            (Verb::POST, "/Greeter/../greet", 501),
            (Verb::POST, "/Greeter/gr%65et", 501),
            (Verb::POST, "/%00/%ff", 501),
            (Verb::POST, "/Greeter/greet?name=Ada", 400),
            (Verb::GET, "/Greeter/greet", 405),
            (Verb::HEAD, "/Greeter/greet", 405),
            (Verb::OPTIONS, "/Greeter/greet", 405),
            (Verb::CONNECT, "localhost:80", 404),
        ] {
            assert_eq!(
                check(verb.clone(), target).map_err(|(status, _)| status),
                Err(status),
                "{verb} {target}"
            );
        }
    }

    #[test]
    fn nearness_is_counted_in_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "Sitting"), 3);
        assert_eq!(nearest("lst", &["add", "list"]), Some("list"));
        assert_eq!(nearest("remove", &["add", "list"]), None);
        assert_eq!(nearest(&"x".repeat(9_000), &["add"]), None);
    }
}
