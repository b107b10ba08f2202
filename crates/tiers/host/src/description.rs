//! What an application consists of, as data: what `describe` prints.

use std::collections::BTreeMap;

use component::Declared;
use serde::Serialize;
use wire::release::{Edge, StoredJobs, StoredSession};
use wire::shape::{TypeDef, TypeRef};
use wire::{Interface, Method};

use crate::bindings::Bindings;
use crate::config::Elsewhere;
use crate::modules::Kind;
use crate::opened::OpenedModule;

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its components, sorted by name.
    pub components: Vec<ComponentDescription>,
    /// Its background modules that are no components.
    pub background: Vec<String>,
    /// Its fronts, which serve whoever comes from outside.
    pub fronts: Vec<String>,
    /// Who asked for a reference to whom while it was opened.
    pub calls: Vec<Edge>,
    /// The jobs of each component that has some: what their payloads look like where they lie.
    pub jobs: Vec<StoredJobs>,
    /// What each front that has sessions keeps in them, besides who has signed in.
    pub sessions: Vec<StoredSession>,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentDescription {
    /// Its name on the wire.
    pub name: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// The weakest system model in which it keeps its promises.
    pub requires: Option<String>,
    /// The module that runs here.
    pub module: Option<String>,
    /// Every module that was provided.
    pub modules: Vec<String>,
    /// The process where it runs instead of this one.
    pub at: Option<String>,
    /// The program that is the component: its URL, or the command that starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// The hash of its shape, in hexadecimal digits: equal hashes speak positionally.
    pub hash: String,
    /// Its methods, in the order of their numbers.
    pub methods: Vec<MethodDescription>,
    /// All of it as data, types included.
    pub interface: &'static Interface,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MethodDescription {
    /// Its name.
    pub name: String,
    /// `add(owner: String, draft: Draft) -> Todo`
    pub signature: String,
    /// `read`, `key = owner`, `deadline = 500 ms`
    pub marks: Vec<String>,
    /// Between equal shapes: `positional`, or `tagged` where a shape is opaque.
    pub codec: &'static str,
    /// Why it is always tagged.
    pub because: Option<String>,
}

impl Description {
    pub(crate) fn new(
        bindings: &Bindings,
        modules: &[OpenedModule],
        provided: &BTreeMap<String, Vec<String>>,
    ) -> Description {
        let components = bindings.slots().into_iter().map(|(name, slot)| {
            let module = modules
                .iter()
                .find(|module| module.kind == Kind::Component && module.name == name);
            let module = module.map(|module| module.module.clone());
            ComponentDescription {
                module,
                modules: provided.get(&name).cloned().unwrap_or_default(),
                at: slot.at.map(|at| at.to_string()),
                external: slot.external,
                ..ComponentDescription::of(slot.declared)
            }
        });
        let named = |kind: Kind| {
            let of_kind = modules.iter().filter(|module| module.kind == kind);
            of_kind.map(|module| module.name.clone()).collect()
        };
        let edges = bindings.edges().into_iter();
        Description {
            components: components.collect(),
            background: named(Kind::Background),
            fronts: named(Kind::Front),
            calls: edges.map(|(caller, callee)| Edge { caller, callee }).collect(),
            jobs: bindings.stored_jobs(),
            sessions: bindings.sessions(),
        }
    }
}

impl Description {
    /// The same where components are elsewhere that were opened here to be looked at.
    pub fn with(mut self, elsewhere: &BTreeMap<String, Elsewhere>) -> Description {
        for component in &mut self.components {
            match elsewhere.get(&component.name) {
                None => continue,
                Some(Elsewhere::At(at)) => component.at = Some(at.to_string()),
                Some(Elsewhere::Program(program)) => component.external = Some(program.clone()),
            }
            component.module = None;
        }
        self
    }
}

impl ComponentDescription {
    fn of(declared: &'static Declared) -> ComponentDescription {
        let interface = &declared.interface;
        let methods = interface.methods.iter();
        ComponentDescription {
            name: interface.name.clone(),
            owner: interface.owner.clone(),
            requires: interface.requires.clone(),
            module: None,
            modules: Vec::new(),
            at: None,
            external: None,
            hash: format!("{:032x}", declared.hash),
            methods: methods.map(|method| MethodDescription::of(interface, method)).collect(),
            interface,
        }
    }
}

impl MethodDescription {
    fn of(interface: &Interface, method: &Method) -> MethodDescription {
        let because = interface.opaque(method).map(str::to_owned);
        let arguments = method.arguments.iter();
        let arguments: Vec<String> = arguments
            .map(|argument| format!("{}: {}", argument.name, type_name(&interface.types, &argument.type_ref)))
            .collect();
        let output = type_name(&interface.types, &method.output);
        MethodDescription {
            name: method.name.clone(),
            signature: format!("{}({}) -> {output}", method.name, arguments.join(", ")),
            marks: marks(method),
            codec: if because.is_some() { "tagged" } else { "positional" },
            because,
        }
    }
}

fn marks(method: &Method) -> Vec<String> {
    let marks = &method.marks;
    let words = [
        (marks.read, "read"),
        (marks.idempotent, "idempotent"),
        (marks.once, "once"),
    ];
    let words = words
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, word)| word.to_owned());
    let key = marks.key.iter().map(|key| format!("key = {key}"));
    let deadline = marks
        .deadline_ms
        .iter()
        .map(|deadline| format!("deadline = {deadline} ms"));
    words.chain(key).chain(deadline).collect()
}

/// A type as it is written in Rust, nearly.
fn type_name(types: &[TypeDef], type_ref: &TypeRef) -> String {
    let of = |type_ref: &TypeRef| type_name(types, type_ref);
    match type_ref {
        TypeRef::Unit => "()".to_owned(),
        TypeRef::Bool => "bool".to_owned(),
        TypeRef::Int(bits) => format!("i{bits}"),
        TypeRef::Uint(bits) => format!("u{bits}"),
        TypeRef::Float(bits) => format!("f{bits}"),
        TypeRef::Char => "char".to_owned(),
        TypeRef::String => "String".to_owned(),
        TypeRef::Bytes => "Bytes".to_owned(),
        TypeRef::Option(item) => format!("Option<{}>", of(item)),
        TypeRef::Sequence(item) => format!("Vec<{}>", of(item)),
        TypeRef::Map(key, value) => format!("Map<{}, {}>", of(key), of(value)),
        TypeRef::Tuple(items) => format!("({})", items.iter().map(of).collect::<Vec<_>>().join(", ")),
        TypeRef::Named(index) => types.get(*index as usize).map_or("?", |named| &named.name).to_owned(),
        TypeRef::Opaque(_) => "(opaque)".to_owned(),
    }
}
