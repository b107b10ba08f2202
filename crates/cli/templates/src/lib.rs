//! Items on a list, in a database of their own, and the pages that show them.

pub mod items;
pub mod site;
