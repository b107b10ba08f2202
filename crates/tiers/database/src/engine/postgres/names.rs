//! What a component is called on a server: its schema, and the role that owns it.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Error;

/// Bytes of a name (`NAMEDATALEN`, less its end); PostgreSQL cuts off what is longer.
const NAME_BYTES_MAX: usize = 63;

/// Bytes of a role's name that are kept where it is too long; a dot and 16 digits of its hash come behind.
const ROLE_FRONT_BYTES: usize = NAME_BYTES_MAX - 17;

/// Schemas that are there before any component.
const TAKEN: [&str; 2] = ["public", "information_schema"];

/// The schema and the role of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The component's name in small letters, so that people need no quotes.
    pub(super) schema: String,
    /// `database.schema`: roles belong to all databases of a server.
    pub(super) role: String,
}

impl Names {
    pub(super) fn new(component: &str, database: &str) -> Result<Names, Error> {
        let schema = component.to_lowercase();
        let wrong = if schema.is_empty() || schema.contains('\0') {
            Some("is no name".to_owned())
        } else if schema.len() > NAME_BYTES_MAX {
            Some(format!(
                "has {} bytes, and PostgreSQL's names have at most {NAME_BYTES_MAX}",
                schema.len()
            ))
        } else if schema.starts_with("pg_") || TAKEN.contains(&schema.as_str()) {
            Some("is the name of a schema of PostgreSQL itself".to_owned())
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(Error::Open {
                message: format!("component `{component}` cannot have a schema: its name {wrong}; rename it"),
            });
        }
        let mut role = format!("{database}.{schema}");
        if role.len() > NAME_BYTES_MAX {
            let hash = xxh3_64(role.as_bytes());
            let mut end = ROLE_FRONT_BYTES;
            while !role.is_char_boundary(end) {
                end -= 1;
            }
            role = format!("{}.{hash:016x}", &role[..end]);
        }
        Ok(Names { schema, role })
    }

    pub(super) fn quoted_schema(&self) -> String {
        quoted(&self.schema)
    }

    pub(super) fn quoted_role(&self) -> String {
        quoted(&self.role)
    }
}

/// A name as SQL has it, whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::{NAME_BYTES_MAX, Names};

    #[test]
    fn a_component_gets_names_that_the_server_keeps_whole() {
        let names = Names::new("TodoList", "shop").unwrap();
        assert_eq!(
            (names.schema.as_str(), names.role.as_str()),
            ("todolist", "shop.todolist")
        );
        let long = "C".repeat(NAME_BYTES_MAX);
        let (one, other) = (Names::new(&long, "shop").unwrap(), Names::new(&long, "shoq").unwrap());
        assert_eq!(one.role.len(), NAME_BYTES_MAX);
        assert_ne!(one.role, other.role);
        assert_eq!(Names::new("a\"b", "shop").unwrap().quoted_schema(), "\"a\"\"b\"");
    }

    #[test]
    fn a_name_that_cannot_be_a_schema_is_refused() {
        for name in [
            "",
            "Public",
            "pg_x",
            "PG_Catalog",
            "information_schema",
            &"c".repeat(NAME_BYTES_MAX + 1),
        ] {
            let refused = Names::new(name, "shop").unwrap_err().to_string();
            assert!(refused.contains("rename it"), "{refused}");
        }
    }
}
