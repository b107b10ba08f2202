//! The business step behind an order: reserve, charge, ship, each with what takes it back.

use std::time::Duration;

use terrace::database::Database;
use terrace::jobs::{Backoff, Error, JobError, Jobs};
use terrace::{Cx, Ref};

use super::{KIND, Order};
use crate::purse::Purse;
use crate::shipping::Shipping;
use crate::stock::Stock;
use crate::stops::stop_at;

/// How long one attempt of a step may take.
const STEP_MAX: Duration = Duration::from_secs(10);

/// A step that cannot be reached for an hour is given up, and what was done is taken back.
const AGAIN: Backoff = Backoff {
    first: Duration::from_millis(200),
    factor: 3,
    most: Duration::from_secs(10 * 60),
    attempts_max: 14,
};

/// Whoever does the steps.
#[derive(Clone)]
struct Desk {
    db: Database,
    stock: Ref<dyn Stock>,
    purse: Ref<dyn Purse>,
    shipping: Ref<dyn Shipping>,
}

/// Declares the job. There is no transaction across components: each step is a call marked `once` under an id of the job
/// and the step, so that it happens once however often it is asked for.
pub(super) fn declare(
    jobs: &Jobs,
    stock: Ref<dyn Stock>,
    purse: Ref<dyn Purse>,
    shipping: Ref<dyn Shipping>,
) -> Result<(), Error> {
    let desk = Desk {
        db: jobs.database().clone(),
        stock,
        purse,
        shipping,
    };
    jobs.kind::<Order>(KIND)
        .backoff(AGAIN)
        .longest(STEP_MAX)
        .step("reserve", at(&desk, reserve))
        .undo(at(&desk, release))
        .step("charge", at(&desk, charge))
        .undo(at(&desk, refund))
        .step("ship", at(&desk, ship))
        .undo(at(&desk, recall))
        .build()
}

/// A step as a job takes it.
fn at<F, O>(desk: &Desk, step: F) -> impl Fn(Cx, Order) -> O + Send + Sync + 'static
where
    F: Fn(Desk, Cx, Order) -> O + Send + Sync + 'static,
{
    let desk = desk.clone();
    move |cx, order| step(desk.clone(), cx, order)
}

async fn reserve(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("reserve", "before");
    desk.stock.reserve(&cx, order.number, order.item, order.count).await?;
    stop_at("reserve", "after");
    Ok(())
}

async fn release(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("release", "before");
    desk.stock.release(&cx, order.number).await?;
    // What is taken back last: now all of it is.
    desk.db
        .execute("update orders set state = 'refused' where number = $1", (order.number,))
        .await?;
    stop_at("release", "after");
    Ok(())
}

async fn charge(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("charge", "before");
    let total = order.total();
    desk.purse.charge(&cx, order.number, order.customer, total).await?;
    stop_at("charge", "after");
    Ok(())
}

async fn refund(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("refund", "before");
    desk.purse.refund(&cx, order.number).await?;
    stop_at("refund", "after");
    Ok(())
}

async fn ship(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("ship", "before");
    desk.shipping
        .ship(&cx, order.number, order.item, order.count, order.address)
        .await?;
    // An attempt that comes after it was given up changes nothing.
    let sql = "update orders set state = 'shipped' where number = $1 and state = 'open'";
    desk.db.execute(sql, (order.number,)).await?;
    stop_at("ship", "after");
    Ok(())
}

async fn recall(desk: Desk, cx: Cx, order: Order) -> Result<(), JobError> {
    stop_at("recall", "before");
    desk.shipping.recall(&cx, order.number).await?;
    stop_at("recall", "after");
    Ok(())
}
