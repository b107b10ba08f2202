//! Templates: what is escaped, what is wrong, and what is reloaded.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use front::{File, Files, Templates};
use serde::Serialize;
use world::memory::World;

use crate::ask::Answer;
use crate::place::Place;

const TEMPLATES: &[File] = &[
    File {
        name: "base.html",
        bytes: b"<title>{% block title %}{% endblock %}</title>",
    },
    File {
        name: "page.html",
        bytes: b"{% extends 'base.html' %}{% block title %}{{ title }}{% endblock %}",
    },
    File {
        name: "attribute.page",
        bytes: br#"<a href="/t?q={{ title|urlencode }}" title="{{ title }}">"#,
    },
    File {
        name: "mail.txt",
        bytes: b"{{ title }}",
    },
    File {
        name: "data.html",
        bytes: b"<script type=\"application/json\">{{ title|tojson }}</script>",
    },
    File {
        name: "link.html",
        bytes: b"{% if missing %}yes{% endif %}{{ url('app.css') }}",
    },
];

const STATIC: &[File] = &[File {
    name: "app.css",
    bytes: b"body {}",
}];

#[derive(Serialize)]
struct Page {
    title: &'static str,
}

const HOSTILE: Page = Page {
    title: "</title></script><script>alert('1')</script>\"& \r\nset-cookie: a=b",
};

fn templates() -> Templates {
    Templates::embedded(TEMPLATES).expect("templates")
}

fn rendered(name: &str) -> String {
    templates().render(name, HOSTILE).expect("a page").0
}

#[test]
fn whatever_a_page_shows_is_escaped() {
    let page = rendered("page.html");
    assert!(page.starts_with("<title>&lt;&#x2f;title&gt;"), "{page}");
    assert_eq!(page.matches('<').count(), 2, "{page}");
    let page = rendered("attribute.page");
    assert_eq!((page.matches('<').count(), page.matches('"').count()), (1, 4), "{page}");
    assert!(page.contains("q=%3C") && page.contains("%0D%0A"), "{page}");
    let page = rendered("data.html");
    assert_eq!(page.matches('<').count(), 2, "{page}");
    assert_eq!(rendered("mail.txt"), HOSTILE.title);
}

#[test]
fn a_page_is_html_that_nobody_stores_and_its_values_are_no_headers() {
    let page = templates().render("page.html", HOSTILE).expect("a page");
    let answer = World::new(1).run(Answer::of(page.into_response()));
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.headers.len(), 2, "{answer:?}");
}

#[test]
fn a_template_can_name_a_file_and_ask_for_what_is_not_given() {
    let files = Files::embedded(STATIC);
    let templates = templates().with_files(&files);
    let page = templates.render("link.html", HOSTILE).expect("a page");
    assert_eq!(page.0.replace("&#x2f;", "/"), files.url("app.css"));
}

#[test]
fn a_template_that_is_wrong_stops_the_start_and_says_where() {
    for (bytes, said) in [
        (&b"a\n{% if %}"[..], "broken.html:2"),
        (b"\n\n{{ a b }}", "broken.html:3"),
        (b"{% unknown %}", "unknown"),
        (b"\xff", "save it as UTF-8"),
    ] {
        let file = Box::leak(Box::new([File {
            name: "broken.html",
            bytes: Box::leak(bytes.into()),
        }]));
        let error = Templates::embedded(file).expect_err("a broken template").to_string();
        assert!(error.contains("`broken.html`") && error.contains(said), "{error}");
    }
}

#[test]
fn what_a_page_does_not_give_is_a_fault_whose_reason_only_the_log_has() {
    for (name, values) in [
        ("page.html", serde_json::json!({})),
        ("none.html", serde_json::json!({})),
    ] {
        let problem = templates().render(name, values).expect_err("a fault");
        assert_eq!(problem.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.detail.contains("html"), "{problem}");
    }
}

#[test]
fn templates_of_a_folder_are_read_anew_and_mistakes_are_shown() {
    let place = Place::new("templates");
    let write = |name: &str, text: &str| place.write(name, text);
    let inside = place.path().join("inside");
    std::fs::create_dir(&inside).expect("a folder");
    write("secret.html", "secret");
    let templates = templates().reloaded(&inside);
    let page = |name: &str| templates.render(name, Page { title: "<a>" });
    assert_eq!(
        page("page.html").expect("the embedded one").0,
        "<title>&lt;a&gt;</title>"
    );
    write("inside/page.html", "<b>{{ title }}</b>");
    assert_eq!(page("page.html").expect("the new one").0, "<b>&lt;a&gt;</b>");
    write("inside/page.html", "\n<b>{{ titel }}</b>");
    let problem = page("page.html").expect_err("a mistake");
    assert!(problem.detail.contains("page.html:2"), "{problem}");
    for name in [
        "../secret.html",
        "/etc/passwd",
        "..\\secret.html",
        "a/../../secret.html",
        "",
        "inside\0",
    ] {
        assert!(page(name).is_err(), "{name}");
    }
}
