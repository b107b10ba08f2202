//! The page of calendars, as a browser without a script has it.

use std::time::Duration;

use axum::http::header;
use terrace::database::Timestamp;
use todo::events::ASKED_MAX;

use crate::pages::Browser;
use crate::played::{Played, Reply};
use crate::visit::{Answer, PASSWORD, Visit, visit_configured};

/// How long what happens beside a test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What lets the application ask often, and a server on this machine.
pub(crate) const OFTEN: &str = "[feeds]\nallow = [\"127.0.0.1\"]\n[components.Events.config]\nevery_ms = 100\n";

/// Looks at the page until it shows `what`.
pub(crate) async fn shows(site: &Visit, browser: &mut Browser<'_>, what: &str) -> Answer {
    let waited = site.env.timeout(PATIENCE, async {
        loop {
            let page = browser.get("/sources").await.is(200);
            if page.body.contains(what) {
                return page;
            }
            site.env.sleep(Duration::from_millis(20)).await;
        }
    });
    match waited.await {
        Ok(page) => page,
        Err(_) => panic!("not {what}: {}", browser.get("/sources").await.body),
    }
}

/// How many rows a table of `Events` has.
pub(crate) async fn rows(site: &Visit, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    site.database("Events").query_one(&sql, ()).await.expect("a number")
}

/// The id of the first source on a page.
fn first(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("data-source=\"").expect("a source");
    rest.split_once('"').expect("an end").0.to_owned()
}

#[test]
fn a_calendar_is_added_watched_and_removed_without_a_script() {
    let late = "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:<b>Choir</b>\r\nDTSTART:20990101T180000Z\r\nEND:VEVENT\r\n";
    let played = Played::open(move |asked| match &*asked.path {
        // One comes each day, and one later than anything that is looked ahead.
        "/daily.ics" => {
            let each = late.replace("UID:1", "UID:2").replace("2099", "2020");
            let each = each.replace("\r\nEND:", "\r\nRRULE:FREQ=DAILY\r\nEND:");
            Reply::new(200, format!("BEGIN:VCALENDAR\r\n{each}{late}END:VCALENDAR\r\n"))
        }
        _ => Reply::new(404, ""),
    });
    visit_configured("sources", OFTEN, async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        let page = ada.get("/sources").await.is(200);
        assert!(
            page.body.contains("None yet.") && !page.body.contains("Connect Facebook"),
            "{}",
            page.body
        );
        let (csrf, key) = (page.hidden("csrf"), page.hidden("key"));
        let add = |key: &str, url: String, name: &str| {
            [
                ("csrf", csrf.clone()),
                ("key", key.to_owned()),
                ("url", url),
                ("name", name.to_owned()),
            ]
        };
        fn fields<'f>(form: &'f [(&'static str, String); 4]) -> Vec<(&'f str, &'f str)> {
            form.iter().map(|(name, value)| (*name, value.as_str())).collect()
        }
        // What is refused is told beside what was written.
        for (url, why) in [
            ("http://10.0.0.1/a.ics", "in a private network"),
            ("file:///etc/passwd", "only addresses that begin with"),
        ] {
            let again = ada
                .post("/sources", &fields(&add(&key, url.to_owned(), "Mine")))
                .await
                .is(422);
            assert!(
                again.body.contains(why) && again.body.contains("value=\"Mine\""),
                "{}",
                again.body
            );
        }
        // Sent twice it is added once.
        let form = add(&key, format!("http://{}/daily.ics", played.address), "<i>Choir</i>");
        for _ in 0..2 {
            let added = ada.post("/sources", &fields(&form)).await.is(303);
            assert_eq!(added.header(header::LOCATION), "/sources?did=added");
        }
        let page = shows(&site, &mut ada, "up to date").await;
        assert_eq!(page.body.matches("data-source=").count(), 1, "{}", page.body);
        assert!(
            page.body.contains("&lt;i&gt;Choir") && !page.body.contains("<i>Choir"),
            "{}",
            page.body
        );
        assert!(page.body.contains("40 to-dos"), "{}", page.body);
        let list = ada.get("/").await.is(200).body;
        assert!(
            list.contains("data-todo=") && list.contains("&lt;b&gt;Choir") && !list.contains("<b>Choir"),
            "{list}"
        );
        // There are so many that no more are taken in; those that are known are kept as they are.
        let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
                   insert into events (source, id, series, title, start, cancelled, version, told, begun)
                   select sources.id, randomblob(16), randomblob(16), 'x', $1, 0, 1, 1, 1 from n, sources";
        let over: Timestamp = site.env.wall().into();
        site.database("Events")
            .execute(sql, (over,))
            .await
            .expect("they are kept");
        site.database("Events")
            .execute("delete from events where title <> 'x'", ())
            .await
            .expect("they are gone");
        shows(&site, &mut ada, "it has had more than 10000 events").await;
        // One that cannot be read says why; it is read again when that is asked for, and removed.
        let id = first(&page);
        let plain = [("csrf", csrf.as_str())];
        ada.post(&format!("/sources/{id}/poll"), &plain).await.is(303);
        ada.post(&format!("/sources/{id}/delete"), &[("csrf", "wrong")])
            .await
            .is(403);
        ada.post(&format!("/sources/{id}/delete"), &plain).await.is(303);
        let page = ada.get("/sources?did=removed").await.is(200);
        assert!(
            page.body.contains("None yet.") && page.body.contains("Removed."),
            "{}",
            page.body
        );
        assert_eq!((rows(&site, "sources").await, rows(&site, "events").await), (0, 0));
        assert!(ada.get("/").await.body.contains("data-todo="), "the to-dos stay");
        let key = page.hidden("key");
        let form = add(&key, format!("http://{}/missing.ics", played.address), "");
        ada.post("/sources", &fields(&form)).await.is(303);
        let page = shows(&site, &mut ada, "cannot be read").await;
        assert!(page.body.contains("it answered 404"), "{}", page.body);

        // Nobody has another's server asked without end.
        let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
                    insert into asked (owner, at) select sources.owner, $1 from n, sources";
        let now: Timestamp = site.env.wall().into();
        site.database("Events")
            .execute(many, (now, ASKED_MAX))
            .await
            .expect("they are counted");
        let key = page.hidden("key");
        let form = add(&key, format!("http://{}/other.ics", played.address), "");
        let refused = ada.post("/sources", &fields(&form)).await.is(429);
        assert!(refused.body.contains("try again in"), "{}", refused.body);

        // Another person has none of it; who goes leaves nothing.
        let mut eve = Browser::new(&site);
        eve.sign_up("eve@example.org").await;
        let own = eve.get("/sources").await.is(200).hidden("csrf");
        eve.post(&format!("/sources/{}/delete", first(&page)), &[("csrf", &own)])
            .await
            .is(404);
        ada.post("/account/delete", &[("csrf", &csrf), ("old", PASSWORD)])
            .await
            .is(303);
        let gone = site.env.timeout(PATIENCE, async {
            while rows(&site, "sources").await > 0 {
                site.env.sleep(Duration::from_millis(20)).await;
            }
        });
        gone.await.expect("it is forgotten");
        assert_eq!(rows(&site, "events").await, 0);
    });
}
