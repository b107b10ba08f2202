//! Files of a folder of the real file system, and ways out of it.

use std::fs;

use axum::Router;
use front::Files;
use world::Env;

use crate::ask::{Answer, get};
use crate::place::Place;

/// A folder `site` with a secret beside it.
fn site(name: &str) -> Place {
    let place = Place::new(name);
    fs::create_dir_all(place.path().join("site/docs")).expect("folders");
    place.write("secret.txt", "secret");
    place.write("site/a.txt", "0123456789");
    place.write("site/docs/index.html", "<p>docs");
    place.write("site/.env", "secret");
    place.write("site/large.bin", large());
    place
}

fn large() -> Vec<u8> {
    (0..300_000_u32)
        .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect()
}

fn run(name: &str, test: impl AsyncFnOnce(&Place, Router)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let place = site(name);
        let env = Env::production("server");
        let files = Files::folder(&env, place.path().join("site"));
        test(&place, files.router()).await;
    });
}

async fn status(router: &Router, path: &str) -> u16 {
    let answer: Answer = get(router, path, &[]).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{path}");
    answer.status
}

#[test]
fn a_file_of_a_folder_is_sent_as_it_is_now() {
    run("now", async |place, router| {
        let answer = get(&router, "/static/a.txt", &[]).await;
        assert_eq!((answer.status, answer.text()), (200, "0123456789"));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert!(answer.header("last-modified").ends_with("GMT"), "{answer:?}");
        assert_eq!(get(&router, "/static/docs/", &[]).await.text(), "<p>docs");
        let whole = get(&router, "/static/large.bin", &[]).await;
        assert!(whole.body == large(), "{} bytes", whole.body.len());
        let part = get(&router, "/static/large.bin", &[("range", "bytes=65530-200000")]).await;
        assert_eq!(
            (part.status, part.header("content-range")),
            (206, "bytes 65530-200000/300000")
        );
        assert!(part.body == large()[65_530..=200_000], "{} bytes", part.body.len());
        place.write("site/a.txt", "changed");
        assert_eq!(get(&router, "/static/a.txt", &[]).await.text(), "changed");
        fs::remove_file(place.path().join("site/a.txt")).expect("removed");
        assert_eq!(status(&router, "/static/a.txt").await, 404);
    });
}

#[test]
fn what_has_not_changed_since_is_not_sent_again() {
    run("since", async |place, router| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(place.path().join("site/a.txt"))
            .expect("a file");
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_millis(784_111_777_500);
        file.set_modified(old).expect("a time");
        let answer = get(&router, "/static/a.txt", &[]).await;
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(answer.header("last-modified"), date);
        let tag = answer.header("etag");
        assert!(tag.starts_with('"'), "{tag}");
        for (name, value, expected) in [
            ("if-none-match", tag, 304),
            ("if-modified-since", date, 304),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT", 200),
            ("if-unmodified-since", date, 200),
            ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT", 412),
        ] {
            assert_eq!(
                get(&router, "/static/a.txt", &[(name, value)]).await.status,
                expected,
                "{name}: {value}"
            );
        }
        let part = [("range", "bytes=0-1"), ("if-range", date)];
        assert_eq!(get(&router, "/static/a.txt", &part).await.status, 206);
        // A file that was changed this moment may change again within the same tick.
        place.write("site/a.txt", "changed");
        let young = get(&router, "/static/a.txt", &[("range", "bytes=0-1")]).await;
        assert!(young.header("etag").starts_with("W/"), "{young:?}");
    });
}

#[test]
fn no_path_leads_out_of_the_folder() {
    run("paths", async |_, router| {
        for path in [
            "/static/../secret.txt",
            "/static/docs/../../secret.txt",
            "/static/%2e%2e/secret.txt",
            "/static/..%2fsecret.txt",
            "/static/..%5csecret.txt",
            "/static/%2e%2e%2fsecret.txt",
            "/static/docs/%2e%2e/%2e%2e/secret.txt",
            "/static//etc/passwd",
            "/static/%2fetc%2fpasswd",
            "/static/.env",
            "/static/%2eenv",
            "/static/a.txt%00",
            "/static/a.txt/",
            "/static/a.txt/b",
            "/static/docs",
            "/static",
            "/static/none",
            &format!("/static/{}", "a".repeat(5000)),
            &format!("/static/{}", "a/".repeat(3000)),
        ] {
            assert_eq!(status(&router, path).await, 404, "{path}");
        }
    });
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder_and_one_inside_is_followed() {
    use std::os::unix::fs::symlink;
    run("links", async |place, router| {
        let (folder, site) = (place.path(), place.path().join("site"));
        symlink(folder.join("secret.txt"), site.join("file.txt")).expect("a link");
        symlink("../secret.txt", site.join("relative.txt")).expect("a link");
        symlink(folder, site.join("above")).expect("a link");
        symlink("loop", site.join("loop")).expect("a link");
        symlink("a.txt", site.join("inside.txt")).expect("a link");
        assert_eq!(status(&router, "/static/file.txt").await, 404);
        assert_eq!(status(&router, "/static/relative.txt").await, 404);
        assert_eq!(status(&router, "/static/above/secret.txt").await, 404);
        assert_eq!(status(&router, "/static/inside.txt").await, 200);
        assert!(status(&router, "/static/loop").await >= 404);
    });
}
