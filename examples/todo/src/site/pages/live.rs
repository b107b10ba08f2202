//! What an open page is told: that the to-dos have changed, and that its session is over.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use terrace::front::{Call, Event, EventSender, Events, Problem, Query};
use terrace::{Cx, Root};
use uuid::Uuid;

use super::super::Site;
use super::visitor::Visitor;
use crate::accounts::{AccountError, Accounts};
use crate::todos::Todos;

/// The longest wait for a change before the session is looked at.
const LOOK: Duration = Duration::from_secs(4);

/// The wait after a failure.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub(super) struct Seen {
    /// The revision that the page shows.
    #[serde(default)]
    since: i64,
}

/// Whose page it is.
struct Page {
    site: Arc<Site>,
    call: Call,
    owner: Uuid,
    epoch: i64,
}

pub(super) async fn events(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Query(seen): Query<Seen>,
) -> Result<Response, Problem> {
    let Some(account) = visitor.account().await? else {
        // No problem: a browser that gets one asks again and again.
        let over = |sender: EventSender| async move {
            let _ = sender.send(Event::new("over").named("signed-out")).await;
        };
        return Ok(Events::new(&visitor.call, over).into_response());
    };
    let page = Page {
        site,
        call: visitor.call.clone(),
        owner: account.id,
        epoch: visitor.session.epoch,
    };
    Ok(Events::new(&visitor.call, |sender| tell(page, sender, seen.since)).into_response())
}

async fn tell(page: Page, sender: EventSender, mut revision: i64) {
    loop {
        let event = match page.look(revision).await {
            Ok(Some(now)) if now != revision => {
                revision = now;
                Event::new(now.to_string()).named("changed")
            }
            Ok(Some(_)) => continue,
            Ok(None) => Event::new("over").named("signed-out"),
            Err(()) => {
                page.call.env().sleep(PAUSE).await;
                continue;
            }
        };
        let is_over = event == Event::new("over").named("signed-out");
        if sender.send(event).await.is_err() || is_over {
            return;
        }
    }
}

impl Page {
    /// The revision after a while; none where the session is over.
    async fn look(&self, since: i64) -> Result<Option<i64>, ()> {
        let cx = self.cx();
        match self.site.accounts.session(&cx, self.owner, self.epoch).await {
            Ok(_) => {}
            Err(AccountError::Call(_)) => return Err(()),
            Err(_) => return Ok(None),
        }
        let changed = self.site.todos.changed(&cx, self.owner, since).await;
        changed.map(Some).map_err(drop)
    }

    /// A request of its own, since this page lasts longer than any.
    fn cx(&self) -> Cx {
        let env = self.call.env();
        let root = Root {
            began: None,
            id: None,
            deadline: Some(env.deadline(LOOK)),
            principal: Some(self.owner.to_string().into()),
            trace: None,
        };
        Cx::from_root(env, root)
    }
}
