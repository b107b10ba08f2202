//! A scenario: what a campaign runs once for each seed.

use std::pin::Pin;
use std::sync::Arc;

use crate::world::World;

/// What is run: it sets up a world, lets clients work while faults strike, and checks what came of it.
#[derive(Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub about: &'static str,
    /// The model it runs under unless another is asked for.
    pub model: &'static str,
    /// How many seeds it runs unless another number is asked for.
    pub seeds: u64,
    /// What has to happen in some run, by the names given to `sometimes!`.
    pub sometimes: Vec<&'static str>,
    /// Environment variables that change what it does.
    pub environment: Vec<&'static str>,
    run: Body,
}

type Body = Arc<dyn Fn(World) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

impl Scenario {
    /// The scenario `name`, under the model `asynchronous`, with 100 seeds.
    pub fn new<F, O>(name: &'static str, run: F) -> Scenario
    where
        F: Fn(World) -> O + Send + Sync + 'static,
        O: Future<Output = ()> + 'static,
    {
        Scenario {
            name,
            about: "",
            model: "asynchronous",
            seeds: 100,
            sometimes: Vec::new(),
            environment: Vec::new(),
            run: Arc::new(move |world| Box::pin(run(world))),
        }
    }

    /// What it shows, in a sentence.
    pub fn about(mut self, about: &'static str) -> Scenario {
        self.about = about;
        self
    }

    /// The model it runs under unless another is asked for.
    pub fn model(mut self, model: &'static str) -> Scenario {
        self.model = model;
        self
    }

    /// How many seeds it runs unless another number is asked for.
    pub fn seeds(mut self, seeds: u64) -> Scenario {
        self.seeds = seeds;
        self
    }

    /// Something that has to happen in some run, by the name given to `sometimes!`.
    pub fn sometimes(mut self, name: &'static str) -> Scenario {
        self.sometimes.push(name);
        self
    }

    /// An environment variable that changes what it does: its value is saved with a failure, and given to what replays it.
    pub fn environment(mut self, name: &'static str) -> Scenario {
        self.environment.push(name);
        self
    }

    pub(crate) fn start(&self, world: World) -> Pin<Box<dyn Future<Output = ()>>> {
        (self.run)(world)
    }
}
