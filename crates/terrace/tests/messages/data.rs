//! Data that crosses owns itself, and its errors have codes.

#[terrace::data]
struct Borrowed<'a> {
    name: &'a str,
    parts: &'a [u8],
}

#[terrace::data]
union Either {
    a: u32,
    b: f32,
}

#[terrace::data]
fn function() {}

#[terrace::data(version = 2)]
struct Options;

#[terrace::data]
enum Codes {
    #[error(code = "notfound")]
    Near,
    #[error(code = "teapot")]
    Far,
}

#[terrace::data]
#[error(code = "not_found")]
enum Whole {
    Case,
}

#[derive(terrace::Shape)]
struct Helper {
    #[shape(name = "field")]
    field: u32,
}

fn main() {}
