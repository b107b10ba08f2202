//! Serde's rules for renaming, as serde applies them.

/// One of the rules of `#[serde(rename_all = "..")]`.
#[derive(Clone, Copy)]
pub(crate) enum Casing {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Casing {
    /// The rule of that name. An unknown one is serde's to refuse.
    pub(crate) fn from_name(name: &str) -> Option<Casing> {
        Some(match name {
            "lowercase" => Casing::Lower,
            "UPPERCASE" => Casing::Upper,
            "PascalCase" => Casing::Pascal,
            "camelCase" => Casing::Camel,
            "snake_case" => Casing::Snake,
            "SCREAMING_SNAKE_CASE" => Casing::ScreamingSnake,
            "kebab-case" => Casing::Kebab,
            "SCREAMING-KEBAB-CASE" => Casing::ScreamingKebab,
            _ => return None,
        })
    }

    /// The name of an enum's case, which is written in `PascalCase`.
    pub(crate) fn of_case(self, name: &str) -> String {
        match self {
            Casing::Pascal => name.to_string(),
            Casing::Lower => name.to_ascii_lowercase(),
            Casing::Upper => name.to_ascii_uppercase(),
            Casing::Camel => first_lower(name),
            Casing::Snake => snake(name),
            Casing::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Casing::Kebab => snake(name).replace('_', "-"),
            Casing::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// The name of a field, which is written in `snake_case`.
    pub(crate) fn of_field(self, name: &str) -> String {
        match self {
            Casing::Lower | Casing::Snake => name.to_string(),
            Casing::Upper | Casing::ScreamingSnake => name.to_ascii_uppercase(),
            Casing::Pascal => pascal(name),
            Casing::Camel => first_lower(&pascal(name)),
            Casing::Kebab => name.replace('_', "-"),
            Casing::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (position, letter) in name.char_indices() {
        if position > 0 && letter.is_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn pascal(name: &str) -> String {
    let mut pascal = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            pascal.push(first.to_ascii_uppercase());
            pascal.push_str(letters.as_str());
        }
    }
    pascal
}

fn first_lower(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Casing;

    fn check(rule: &str, case: &str, field: &str) {
        let rule = Casing::from_name(rule).expect("one of serde's rules");
        assert_eq!(
            (rule.of_case("VeryTasty").as_str(), rule.of_field("very_tasty").as_str()),
            (case, field)
        );
    }

    #[test]
    fn names_are_cased_as_serde_cases_them() {
        check("lowercase", "verytasty", "very_tasty");
        check("UPPERCASE", "VERYTASTY", "VERY_TASTY");
        check("PascalCase", "VeryTasty", "VeryTasty");
        check("camelCase", "veryTasty", "veryTasty");
        check("snake_case", "very_tasty", "very_tasty");
        check("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY");
        check("kebab-case", "very-tasty", "very-tasty");
        check("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY");
    }
}
