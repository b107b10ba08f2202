//! The component that greets. It asks another one how to address somebody.

use terrace::{CallError, Cx, Ref, Setup, SetupError};

use crate::names::{NameError, Names};

/// Greets people.
#[terrace::component(owner = "front-desk")]
pub trait Greeter {
    /// A greeting for whoever is called `name`.
    #[call(read)]
    async fn greet(&self, cx: &Cx, name: String) -> Result<String, GreetError>;
}

/// Why nobody is greeted.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum GreetError {
    /// The name is no name.
    #[error("nobody is greeted: {0}")]
    Name(NameError),
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for GreetError {
    fn from(error: CallError) -> GreetError {
        GreetError::Call(error)
    }
}

impl From<NameError> for GreetError {
    fn from(error: NameError) -> GreetError {
        match error {
            NameError::Call(error) => GreetError::Call(error),
            name => GreetError::Name(name),
        }
    }
}

/// Greets politely.
pub struct Polite {
    names: Ref<dyn Names>,
}

impl Polite {
    /// Needs the book of names.
    pub async fn open(setup: &Setup) -> Result<Polite, SetupError> {
        Ok(Polite::new(setup.reference()))
    }

    /// Asks these names.
    pub fn new(names: Ref<dyn Names>) -> Polite {
        Polite { names }
    }
}

impl Greeter for Polite {
    async fn greet(&self, cx: &Cx, name: String) -> Result<String, GreetError> {
        let address = self.names.address(cx, name).await?;
        Ok(format!("Hello, {address}!"))
    }
}

#[cfg(test)]
mod tests {
    use terrace::{Cx, Ref};

    use super::{Greeter, Polite};
    use crate::names::{NameError, Names, Salutation};

    struct Majesty;

    impl Names for Majesty {
        async fn address(&self, _: &Cx, name: String) -> Result<Salutation, NameError> {
            let title = Some("Your Majesty".to_owned());
            Ok(Salutation { title, name })
        }
    }

    #[tokio::test]
    async fn whoever_is_greeted_is_addressed_as_the_names_say() {
        let polite = Polite::new(Ref::fake(Majesty));
        let greeting = polite.greet(&Cx::for_test(), "Anne".to_owned()).await;
        assert_eq!(greeting, Ok("Hello, Your Majesty Anne!".to_owned()));
    }
}
