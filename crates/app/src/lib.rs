//! App: composes components into a program and its commands.
