//! A folder of migrations is judged while the program is built. Trybuild's own packages have none of these.

const ABSENT: terrace::database::Migrations = terrace::migrations!("absent");

const ABSOLUTE: terrace::database::Migrations = terrace::migrations!("/absolute");

const BARE: terrace::database::Migrations = terrace::migrations!(migrations);

const MORE: terrace::database::Migrations = terrace::migrations!("migrations", "more");

fn main() {}
