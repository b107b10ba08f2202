//! The procedural macros: component, data, Shape.
