//! JSON schemas of shapes, as the face writes and reads them. A schema is made for each named type once, and referred to, so
//! a recursive type ends.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wire::Interface;
use wire::shape::{Body, Case, Field, TypeRef};

use super::reference;

/// Integers up to this are numbers.
const NUMBER_MAX: u64 = 1 << 53;

/// The schemas of one document.
#[derive(Default)]
pub(super) struct Schemas {
    made: Map<String, Value>,
    /// What each type of a component is called here.
    names: BTreeMap<(String, u32), String>,
}

impl Schemas {
    /// Gives each type of `interface` a name that no other has, and its schema.
    pub(super) fn name_types(&mut self, interface: &Interface) {
        for (index, def) in (0_u32..).zip(&interface.types) {
            let name = self.free(&format!("{}.{}", interface.name, def.name));
            self.made.insert(name.clone(), Value::Null);
            self.names.insert((interface.name.clone(), index), name);
        }
        for (index, def) in (0_u32..).zip(&interface.types) {
            let name = self.names[&(interface.name.clone(), index)].clone();
            let schema = match &def.body {
                // Numbers in the two binary codecs, text in JSON.
                body if is_address(&def.name, body) => json!({ "type": "string" }),
                Body::Enum { cases } => self.cases(interface, &name, cases),
                body => self.body(interface, body),
            };
            self.made.insert(name, schema);
        }
    }

    /// Keeps a schema under a name, or under one like it that is free.
    pub(super) fn named(&mut self, name: &str, schema: Value) -> Value {
        let name = self.free(name);
        self.made.insert(name.clone(), schema);
        reference("schemas", &name)
    }

    pub(super) fn into_object(self) -> Map<String, Value> {
        self.made
    }

    /// `name` as OpenAPI allows it, with a number behind it where it is taken.
    fn free(&self, name: &str) -> String {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let name: String = name
            .chars()
            .map(|letter| if plain(letter) { letter } else { '_' })
            .collect();
        let numbered = (2_u32..).map(|number| format!("{name}{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| !self.made.contains_key(name)).unwrap_or(name)
    }

    /// Arguments: an object whose optional ones may be left away.
    pub(super) fn arguments(&self, interface: &Interface, arguments: &[Field]) -> Value {
        self.object(interface, arguments, false)
    }

    /// The schema of one use of a type.
    pub(super) fn of(&self, interface: &Interface, type_ref: &TypeRef) -> Value {
        match type_ref {
            TypeRef::Unit => json!({ "type": "null" }),
            TypeRef::Bool => json!({ "type": "boolean" }),
            TypeRef::Int(bits) => integer(*bits, true),
            TypeRef::Uint(bits) => integer(*bits, false),
            TypeRef::Float(bits) => json!({ "anyOf": [
                { "type": "number", "format": if *bits == 32 { "float" } else { "double" } },
                { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
            ] }),
            TypeRef::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            TypeRef::String => json!({ "type": "string" }),
            TypeRef::Bytes => json!({ "type": "string", "description": "Bytes in base64; a UUID in its own form." }),
            TypeRef::Option(inner) => json!({ "anyOf": [self.of(interface, inner), { "type": "null" }] }),
            TypeRef::Sequence(inner) => json!({ "type": "array", "items": self.of(interface, inner) }),
            TypeRef::Map(_, value) => json!({ "type": "object", "additionalProperties": self.of(interface, value) }),
            TypeRef::Tuple(elements) => self.tuple(interface, elements),
            TypeRef::Named(index) => match self.names.get(&(interface.name.clone(), *index)) {
                Some(name) => reference("schemas", name),
                None => json!({}),
            },
            TypeRef::Opaque(why) => json!({ "description": format!("Not described: {why}.") }),
        }
    }

    fn tuple(&self, interface: &Interface, elements: &[TypeRef]) -> Value {
        let count = elements.len();
        let mut schema = json!({ "type": "array", "minItems": count, "maxItems": count });
        match elements {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => {
                schema["items"] = self.of(interface, first);
            }
            _ => {
                let elements = elements.iter().map(|element| self.of(interface, element));
                schema["prefixItems"] = elements.collect::<Vec<_>>().into();
            }
        }
        // An address of the network has the same shape, and is text in JSON.
        match is_octets(elements)
            || matches!(elements, [TypeRef::Tuple(octets), TypeRef::Uint(16)] if is_octets(octets))
        {
            true => json!({ "anyOf": [schema, { "type": "string", "description": "An address of the network." }] }),
            false => schema,
        }
    }

    fn object(&self, interface: &Interface, fields: &[Field], closed: bool) -> Value {
        let properties = fields
            .iter()
            .map(|field| (field.name.clone(), self.of(interface, &field.type_ref)));
        let mut schema = json!({ "type": "object", "properties": Map::from_iter(properties) });
        let is_required = |field: &&Field| !field.optional && !matches!(field.type_ref, TypeRef::Option(_));
        let required: Vec<&str> = fields
            .iter()
            .filter(is_required)
            .map(|field| field.name.as_str())
            .collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if closed {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    fn body(&self, interface: &Interface, body: &Body) -> Value {
        match body {
            Body::Unit => json!({ "type": "null" }),
            Body::Newtype(inner) => self.of(interface, inner),
            Body::Tuple(elements) => self.tuple(interface, elements),
            Body::Struct { fields, closed } => self.object(interface, fields, *closed),
            // A case is never an enum.
            Body::Enum { .. } => json!({}),
        }
    }

    /// An enum is tagged from outside: a name, or an object of one property with the name. What has properties gets a name of
    /// its own, since generators of clients make a class of it.
    fn cases(&mut self, interface: &Interface, enum_name: &str, cases: &[Case]) -> Value {
        let is_name = |case: &&Case| matches!(case.body, Body::Unit);
        let names: Vec<&str> = cases.iter().filter(is_name).map(|case| case.name.as_str()).collect();
        let mut all = Vec::new();
        if !names.is_empty() {
            all.push(json!({ "type": "string", "enum": names }));
        }
        for case in cases.iter().filter(|case| !is_name(case)) {
            let mut data = self.body(interface, &case.body);
            if let Body::Struct { .. } = case.body {
                data = self.named(&format!("{enum_name}.{}.Fields", case.name), data);
            }
            let tagged = json!({
                "type": "object",
                "properties": { (case.name.as_str()): data },
                "required": [case.name],
                "additionalProperties": false,
            });
            all.push(self.named(&format!("{enum_name}.{}", case.name), tagged));
        }
        match all.len() {
            // It has no value.
            0 => json!({ "not": {} }),
            1 => all.remove(0),
            _ => json!({ "oneOf": all }),
        }
    }
}

fn integer(bits: u8, signed: bool) -> Value {
    let half = |bits: u8| 1_i64 << (bits - 1);
    match (bits, signed) {
        (8 | 16 | 32, true) => json!({ "type": "integer", "minimum": -half(bits), "maximum": half(bits) - 1 }),
        (8 | 16 | 32, false) => json!({ "type": "integer", "minimum": 0, "maximum": 2 * half(bits) - 1 }),
        (_, true) => json!({ "anyOf": [
            { "type": "integer", "minimum": -(NUMBER_MAX as i64), "maximum": NUMBER_MAX },
            { "type": "string", "pattern": "^-?[0-9]+$" },
        ] }),
        (_, false) => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": NUMBER_MAX },
            { "type": "string", "pattern": "^[0-9]+$" },
        ] }),
    }
}

fn is_octets(elements: &[TypeRef]) -> bool {
    matches!(elements.len(), 4 | 16) && elements.iter().all(|element| *element == TypeRef::Uint(8))
}

/// Whether it is the standard library's `IpAddr` or `SocketAddr`, and not an enum of the user's of that name.
fn is_address(name: &str, body: &Body) -> bool {
    let Body::Enum { cases } = body else { return false };
    let is_tuple = |case: &Case| matches!(case.body, Body::Newtype(TypeRef::Tuple(_)));
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    matches!(name, "IpAddr" | "SocketAddr") && names == ["V4", "V6"] && cases.iter().all(is_tuple)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::Interface;
    use wire::shape::{Body, Case, Field, TypeDef, TypeRef};

    use super::Schemas;

    fn interface(types: Vec<TypeDef>) -> Interface {
        Interface {
            name: "Todos".to_owned(),
            owner: None,
            requires: None,
            doc: String::new(),
            methods: Vec::new(),
            types,
        }
    }

    fn def(name: &str, body: Body) -> TypeDef {
        TypeDef {
            name: name.to_owned(),
            body,
        }
    }

    #[test]
    fn a_recursive_type_refers_to_itself_and_two_of_one_name_are_told_apart() {
        let next = Field {
            name: "next".to_owned(),
            type_ref: TypeRef::Option(Box::new(TypeRef::Named(0))),
            optional: true,
        };
        let fields = vec![next];
        let interface = interface(vec![
            def("Item", Body::Struct { fields, closed: false }),
            def("Item", Body::Newtype(TypeRef::Named(0))),
        ]);
        let mut schemas = Schemas::default();
        schemas.name_types(&interface);
        let schemas = schemas.into_object();
        let item = json!({ "$ref": "#/components/schemas/Todos.Item" });
        assert_eq!(schemas["Todos.Item"]["properties"]["next"]["anyOf"][0], item);
        assert_eq!(schemas["Todos.Item2"], item);
    }

    #[test]
    fn an_enum_is_a_name_or_an_object_of_one_property() {
        let case = |name: &str, body| Case {
            name: name.to_owned(),
            body,
            other: false,
        };
        let cases = vec![
            case("Open", Body::Unit),
            case("Due", Body::Newtype(TypeRef::Uint(64))),
            case("Done", Body::Unit),
        ];
        let mut schemas = Schemas::default();
        schemas.name_types(&interface(vec![def("State", Body::Enum { cases })]));
        let schemas = schemas.into_object();
        let schema = &schemas["Todos.State"]["oneOf"];
        assert_eq!(schema[0], json!({ "type": "string", "enum": ["Open", "Done"] }));
        assert_eq!(schema[1]["$ref"], "#/components/schemas/Todos.State.Due");
        let due = &schemas["Todos.State.Due"];
        assert_eq!(due["required"], json!(["Due"]));
        assert_eq!(due["properties"]["Due"]["anyOf"][1]["type"], "string");
    }
}
