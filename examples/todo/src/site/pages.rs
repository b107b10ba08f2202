//! The pages. Each works without its script, and is found by whoever has a session.

mod account;
mod entrance;
mod form;
mod list;
mod live;
mod mistakes;
mod one;
mod sources;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::Site;

pub(super) fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(list::home))
        .route("/todos", post(list::add))
        .route("/todos/{id}", get(one::page).post(one::save))
        .route("/todos/{id}/done", post(one::done))
        .route("/todos/{id}/open", post(one::reopen))
        .route("/todos/{id}/delete", post(one::delete))
        .route("/todos/{id}/undo", post(one::undo))
        .route("/todos/{id}/reminders", post(one::remind))
        .route("/todos/{id}/reminders/{reminder}/delete", post(one::remove_reminder))
        .route("/events", get(live::events))
        .route("/sources", get(sources::page).post(sources::add))
        .route("/sources/facebook", post(sources::connect))
        .route("/sources/facebook/back", get(sources::back))
        .route("/sources/{id}/poll", post(sources::poll))
        .route("/sources/{id}/delete", post(sources::remove))
        .route("/sign-up", get(entrance::sign_up_page).post(entrance::sign_up))
        .route("/verify", get(entrance::verify_page).post(entrance::verify))
        .route("/sign-in", get(entrance::sign_in_page).post(entrance::sign_in))
        .route("/sign-out", post(entrance::sign_out))
        .route("/forgot", get(entrance::forgot_page).post(entrance::forgot))
        .route("/reset", get(entrance::reset_page).post(entrance::reset))
        .route("/account", get(account::page))
        .route("/account/zone", post(account::set_zone))
        .route("/account/password", post(account::change_password))
        .route("/account/tokens", post(account::add_token))
        .route("/account/tokens/{id}/revoke", post(account::revoke_token))
        .route("/account/sign-out-everywhere", post(account::sign_out_everywhere))
        .route("/account/export", get(account::export))
        .route("/account/import", post(account::import))
        .route("/account/delete", post(account::delete))
        .fallback(mistakes::nothing)
        .method_not_allowed_fallback(mistakes::not_so)
        .layer(from_fn_with_state(site.clone(), mistakes::as_pages))
}
